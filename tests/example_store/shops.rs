//! Several shops: one engine, one cache, and doors.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::run;
use crate::server::Server;

/// The shops that ship with the example.
const CELLAR: &str = "/cellar-7f3a91";
const ADA: &str = "example-of-ada-00000000";

#[test]
fn what_one_shop_has_pressed_is_a_hit_in_the_others() {
    let Some(server) = Server::start(&[]) else { return };
    let path = server.track("Strings", "128");
    let first = server.curl(&["--fail"], &path);
    while server.metric("finished_total") < 1 {
        thread::sleep(Duration::from_millis(20));
    }
    let (misses, hits) = (server.metric("misses_total"), server.metric("hits_total"));
    let key = format!("Authorization: Bearer {ADA}");
    assert!(server.curl(&["--fail"], &format!("/kiosk{path}")) == first);
    assert!(server.curl(&["--fail", "-H", &key], &format!("{CELLAR}{path}")) == first);
    assert_eq!((server.metric("misses_total"), server.metric("hits_total")), (misses, hits + 2));
}

#[test]
fn each_shop_has_its_name_profiles_and_prices() {
    let Some(server) = Server::start(&[]) else { return };
    let key = format!("Authorization: Bearer {ADA}");
    let shop = |path: &str| -> serde_json::Value {
        serde_json::from_slice(&server.curl(&["--fail", "-H", &key], path)).unwrap()
    };
    let offers = |path: &str| shop(&format!("{path}/tracks"))["items"][0]["offers"].clone();
    let price = |path: &str| {
        offers(path).as_array().unwrap().iter().find(|offer| offer["profile"] == "128").unwrap()["price"]
            .as_u64()
            .unwrap()
    };
    assert_eq!((shop("/shop")["currency"].as_str(), offers("").as_array().unwrap().len()), (Some("EUR"), 6));
    assert_eq!(
        (shop("/kiosk/shop")["currency"].as_str(), offers("/kiosk").as_array().unwrap().len()),
        (Some("GBP"), 2)
    );
    assert_eq!(offers(CELLAR).as_array().unwrap().len(), 11);
    assert!(price(CELLAR) < price("") && price("") < price("/kiosk"));
    let not_here = server.track("Strings", "320");
    assert!(server.head(&["-r", "0-0"], &not_here).starts_with("http/1.1 206"));
    assert!(server.head(&["-r", "0-0"], &format!("/kiosk{not_here}")).starts_with("http/1.1 404"));
    let home = String::from_utf8(server.curl(&[], "/kiosk/")).unwrap();
    assert!(
        home.contains("<title>The Corner Kiosk</title>") && home.contains("<base href=\"/kiosk/\">"),
        "{home}"
    );
    assert!(server.head(&[], "/kiosk").contains("location: /kiosk/\r\n"));
    let colours = String::from_utf8(server.curl(&[], "/kiosk/page/colours.css")).unwrap();
    assert!(colours.starts_with(":root{--accent:#"), "{colours}");
}

#[test]
fn a_stranger_finds_nothing_where_the_members_shop_is() {
    let Some(server) = Server::start(&[]) else { return };
    let dateless = |head: String| {
        head.lines().filter(|line| !line.starts_with("date:")).map(str::to_owned).collect::<Vec<_>>()
    };
    let answer =
        |path: &str, key: &str| (dateless(server.head(&["-H", key], path)), server.curl(&["-H", key], path));
    let track = server.track("Strings", "128");
    for path in ["", "/", "/shop", "/albums", "/page/style.css", &track] {
        for key in
            ["X: y", "Authorization: Bearer example-of-ada-0000000x", "Cookie: key=example-of-robin-0000"]
        {
            let nowhere = answer("/nowhere-at-all/", key);
            assert!(nowhere.0[0].starts_with("http/1.1 404"));
            let path = format!("{CELLAR}{path}");
            assert_eq!(answer(&path, key), nowhere, "{path} with {key}");
        }
    }
    // Nothing that strangers see speaks of it.
    for path in ["/", "/shop", "/albums", "/metrics", "/page/main.js"] {
        let said = String::from_utf8(server.curl(&[], path)).unwrap();
        assert!(!said.contains("ellar"), "{path}: {said}");
    }
    assert_eq!(server.metric("misses_total"), 0);
}

#[test]
fn a_key_becomes_a_cookie_that_no_script_sees() {
    let Some(server) = Server::start(&[]) else { return };
    let enter = |token: &str, kind: &str| {
        let body = format!("{{\"token\":\"{token}\"}}");
        let kind = format!("Content-Type: {kind}");
        server.head(&["-X", "POST", "-H", &kind, "--data", &body], "/kiosk/enter")
    };
    let opened = enter(ADA, "application/json");
    let cookie = opened.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    for part in ["path=/cellar-7f3a91/", "httponly", "samesite=lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(opened.contains("cache-control: no-store"));
    assert!(enter("example-of-ada-0000000x", "application/json").starts_with("http/1.1 404"));
    // As another site's form would send it.
    assert!(enter(ADA, "text/plain").starts_with("http/1.1 415"));

    let jar = server.folder.path().join("jar");
    let jar = jar.to_str().unwrap();
    let body = format!("{{\"token\":\"{ADA}\"}}");
    server.curl(&["-c", jar, "-H", "Content-Type: application/json", "--data", &body], "/enter");
    let home = server.head(&["-b", jar], &format!("{CELLAR}/"));
    assert!(home.starts_with("http/1.1 200") && home.contains("cache-control: private, no-cache"), "{home}");
    let shop = String::from_utf8(server.curl(&["-b", jar], &format!("{CELLAR}/shop"))).unwrap();
    assert!(shop.contains("\"member\":\"Ada\"") && !shop.contains(ADA), "{shop}");
}

/// First bytes of guests and of a member, asked for while there is more to press than one thread can.
#[test]
fn members_are_served_first_under_load() {
    let Some(server) = Server::start(&["--threads", "1"]) else { return };
    let track = server.track("abc", "128");
    let [guests, members] = [["/kiosk", "128"], [CELLAR, "160"]]
        .map(|[shop, profile]| format!("{shop}{}", track.replace("128.mp3", &format!("{profile}.mp3"))));
    let key = format!("Authorization: Bearer {ADA}");
    // Ends of segments, so that each takes its time.
    let seconds = |path: &str, at: u64| {
        let since = Instant::now();
        let range = format!("{at}-{}", at + 99);
        run(Command::new("curl")
            .args(["-sS", "--fail", "--max-time", "120", "-o", "/dev/null", "-r", &range, "-H", &key])
            .arg(server.at(path)));
        since.elapsed()
    };
    let (mut waited_guests, mut waited_members) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let mut asked = Vec::new();
        for number in 0..6 {
            let (seconds, guests, members) = (&seconds, &guests, &members);
            asked.push((false, scope.spawn(move || seconds(guests, 300_000 * number + 310_000))));
            asked.push((true, scope.spawn(move || seconds(members, 400_000 * number + 390_000))));
        }
        for (member, waited) in asked {
            let waited = waited.join().unwrap();
            if member { waited_members.push(waited) } else { waited_guests.push(waited) }
        }
    });
    let p95 = |waited: &mut Vec<Duration>| {
        waited.sort_unstable();
        waited[(waited.len() * 95).div_ceil(100) - 1]
    };
    let (members, guests) = (p95(&mut waited_members), p95(&mut waited_guests));
    println!("first byte, p95: members {members:?}, guests {guests:?}");
    assert!(members < guests, "members {members:?}, guests {guests:?}");
}
