//! The shops, as `shops.toml` has them.

use std::path::Path;

use serde::Deserialize;
use tonepress::engine::Priority;
use tonepress::{Price, Profile};

use crate::colours::Colour;

/// What is served below every shop's address, and so is no shop's name.
const TAKEN: [&str; 10] =
    ["album", "albums", "artist", "artists", "enter", "metrics", "page", "search", "shop", "tracks"];
/// A token that is shorter can be guessed.
const TOKEN_BYTES: usize = 16;

/// A shop: one way to sell the catalogue.
#[derive(Debug)]
pub(crate) struct Shop {
    /// What its addresses begin with: "" or "/kiosk".
    pub(crate) path: String,
    pub(crate) host: Option<String>,
    pub(crate) name: String,
    pub(crate) tagline: String,
    pub(crate) accent: Colour,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) price: Price,
    pub(crate) currency: String,
    pub(crate) visitors: Priority,
    pub(crate) members_only: bool,
    pub(crate) members: Vec<Member>,
}

/// Somebody who has a key to a shop. The token itself is not kept, and shown nowhere.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) token: blake3::Hash,
    pub(crate) class: Priority,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    shop: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: String,
    host: Option<String>,
    name: String,
    #[serde(default)]
    tagline: String,
    accent: String,
    profiles: Vec<String>,
    price_per_megabyte: u64,
    currency: String,
    #[serde(default)]
    visitors: Class,
    #[serde(default)]
    members_only: bool,
    #[serde(default)]
    members: Vec<WrittenMember>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMember {
    name: String,
    token: String,
    #[serde(default)]
    class: Class,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Class {
    Member,
    #[default]
    Customer,
    Guest,
}

impl From<Class> for Priority {
    fn from(class: Class) -> Self {
        match class {
            Class::Member => Self::Member,
            Class::Customer => Self::Customer,
            Class::Guest => Self::Guest,
        }
    }
}

/// The shops in a file, or those that ship with the example.
pub(crate) fn open(path: Option<&Path>) -> Result<Vec<Shop>, String> {
    let Some(path) = path else { return parse(include_str!("../shops.toml")) };
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
    parse(&text).map_err(|error| told(&error))
}

fn parse(text: &str) -> Result<Vec<Shop>, String> {
    // The parser's own message would quote the line, which may have a token in it.
    let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let shops: Vec<Shop> = file.shop.into_iter().map(shop).collect::<Result<_, _>>()?;
    for (at, shop) in shops.iter().enumerate() {
        if shops[..at].iter().any(|other| other.path == shop.path) {
            return Err(format!("two shops have the path \"{}/\"", shop.path));
        }
    }
    if shops.is_empty() { Err("there is no [[shop]]".to_owned()) } else { Ok(shops) }
}

fn shop(written: Written) -> Result<Shop, String> {
    let told = |what: &str| format!("the shop \"{}\": {what}", written.name);
    let path = written.path.trim_end_matches('/').to_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let named = path.strip_prefix('/').is_some_and(|name| !name.is_empty() && name.chars().all(plain));
    if !path.is_empty() && (!named || TAKEN.contains(&&path[1..])) {
        return Err(told(
            "its path is to be \"/\", or one name of letters, digits and dashes that no page has",
        ));
    }
    let accent =
        Colour::parse(&written.accent).ok_or_else(|| told("its accent is to be such as \"#c2410c\""))?;
    let profile = |text: &String| text.parse().map_err(|error| told(&format!("{error}")));
    let profiles: Vec<Profile> = written.profiles.iter().map(profile).collect::<Result<_, _>>()?;
    if profiles.is_empty() {
        return Err(told("it has no profiles"));
    }
    if written.currency.len() != 3 || !written.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(told("its currency is to be such as \"EUR\""));
    }
    if let Some(short) = written.members.iter().find(|member| member.token.len() < TOKEN_BYTES) {
        return Err(told(&format!("the token of {} is to have {TOKEN_BYTES} bytes at least", short.name)));
    }
    let member = |WrittenMember { name, token, class }| Member {
        name,
        token: blake3::hash(token.as_bytes()),
        class: class.into(),
    };
    Ok(Shop {
        path,
        host: written.host.map(|host| host.to_ascii_lowercase()),
        name: written.name,
        tagline: written.tagline,
        accent,
        profiles,
        price: Price::per_megabyte(written.price_per_megabyte),
        currency: written.currency,
        visitors: written.visitors.into(),
        members_only: written.members_only,
        members: written.members.into_iter().map(member).collect(),
    })
}

impl Shop {
    /// Who has this token. All are compared, each in constant time: how long it takes tells nothing.
    pub(crate) fn member(&self, token: &str) -> Option<&Member> {
        let given = blake3::hash(token.as_bytes());
        self.members
            .iter()
            .fold(None, |found, member| if member.token == given { Some(member) } else { found })
    }

    /// The profile that is meant by `name`, if it is on offer here.
    pub(crate) fn offer(&self, name: &str) -> Option<Profile> {
        name.parse().ok().filter(|profile| self.profiles.contains(profile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(from: &str, to: &str) -> Result<Vec<Shop>, String> {
        let text = include_str!("../shops.toml");
        assert!(text.contains(from), "{from}");
        parse(&text.replacen(from, to, 1))
    }

    #[test]
    fn the_shops_that_ship_are_three() {
        let shops = open(None).unwrap();
        assert_eq!(
            shops.iter().map(|shop| &*shop.path).collect::<Vec<_>>(),
            ["", "/kiosk", "/cellar-7f3a91"]
        );
        assert_eq!(shops[2].member("example-of-ada-00000000").unwrap().name, "Ada");
        assert!(shops[2].member("example-of-ada-0000000").is_none() && shops[2].member("").is_none());
        assert!(!format!("{shops:?}").contains("example-of-ada"), "tokens are not kept");
    }

    #[test]
    fn mistakes_are_told_without_tokens() {
        for (from, to, said) in [
            ("path = \"/kiosk\"", "path = \"/tracks\"", "no page has"),
            ("path = \"/kiosk\"", "path = \"/a/b\"", "no page has"),
            ("path = \"/kiosk\"", "path = \"/\"", "two shops"),
            ("#1d6f5c", "green", "accent"),
            ("\"128\", \"v2\"]", "\"129\", \"v2\"]", "129"),
            ("\"GBP\"", "\"pounds\"", "currency"),
            ("example-of-robin-0000", "short", "16 bytes"),
            ("visitors = \"guest\"", "visitors = \"king\"", "king"),
            ("class = \"customer\"", "class = 7, token = \"x\"", ""),
        ] {
            let error = changed(from, to).unwrap_err();
            assert!(error.contains(said) && !error.contains("example-of"), "{error}");
        }
    }
}
