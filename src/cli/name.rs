//! How renditions are named.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// A path with `{stem}`, `{profile}` and `{dir}` in it.
#[derive(Debug, Clone)]
pub(crate) struct NameTemplate(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Stem,
    Profile,
    Dir,
}

impl FromStr for NameTemplate {
    type Err = String;

    fn from_str(template: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a '{' without its '}'")?;
            parts.push(Part::Text(text.to_owned()));
            parts.push(match name {
                "stem" => Part::Stem,
                "profile" => Part::Profile,
                "dir" => Part::Dir,
                _ => return Err(format!("there is no {{{name}}}, only {{stem}}, {{profile}} and {{dir}}")),
            });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        if template.is_empty() || template.ends_with('/') {
            return Err("it must end with the name of a file".to_owned());
        }
        if template.split('/').any(|part| part == "..") {
            return Err("it may not leave the folder with '..'; see --output".to_owned());
        }
        Ok(Self(parts))
    }
}

impl NameTemplate {
    /// The path below `base` for a master called `stem` that lies in `dir`.
    pub(crate) fn path(&self, base: &Path, dir: &Path, stem: &std::ffi::OsStr, profile: &str) -> PathBuf {
        let mut name = OsString::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => name.push(text),
                Part::Stem => name.push(stem),
                Part::Profile => name.push(profile),
                Part::Dir => name.push(dir),
            }
        }
        // An empty {dir} leaves a slash in front, which must not lead to the root of the file system; and
        // the stem of a master can be "..".
        let relative: PathBuf =
            Path::new(&name).components().filter(|part| matches!(part, Component::Normal(_))).collect();
        base.join(relative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(template: &str, dir: &str) -> PathBuf {
        let template: NameTemplate = template.parse().unwrap();
        template.path(Path::new("out"), Path::new(dir), "song".as_ref(), "128")
    }

    #[test]
    fn a_template_is_filled_in() {
        assert_eq!(path("{dir}/{stem}.{profile}.mp3", "a/b"), Path::new("out/a/b/song.128.mp3"));
        assert_eq!(path("{dir}/{stem}.{profile}.mp3", ""), Path::new("out/song.128.mp3"));
        assert_eq!(path("{profile}/{dir}/{stem}.mp3", ""), Path::new("out/128/song.mp3"));
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let template: NameTemplate = "{stem}/{profile}.mp3".parse().unwrap();
        let path = template.path(Path::new("out"), Path::new(""), "..".as_ref(), "128");
        assert_eq!(path, Path::new("out/128.mp3"));
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        for template in ["{artist}.mp3", "{stem", "", "{dir}/", "../{stem}.mp3"] {
            assert!(template.parse::<NameTemplate>().is_err(), "{template}");
        }
    }
}
