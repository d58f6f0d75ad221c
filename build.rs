//! Records what LAME is compiled with, so that the library can say it and check the processor.

use std::env;

fn main() {
    let target = env::var("TARGET").unwrap_or_default();
    let cross = env::var("HOST").is_ok_and(|host| host != target);
    // The binding's build gathers flags as the cc crate does: from the general to the particular,
    // so that the compiler lets the particular win.
    let names = [
        "CFLAGS".to_owned(),
        if cross { "TARGET_CFLAGS" } else { "HOST_CFLAGS" }.to_owned(),
        format!("CFLAGS_{}", target.replace(['-', '.'], "_")),
        format!("CFLAGS_{target}"),
    ];
    for name in &names {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let flags: Vec<String> = names.iter().filter_map(|name| env::var(name).ok()).collect();
    let flags = flags.join(" ");
    println!("cargo::rustc-env=TONEPRESS_LAME_FLAGS={}", flags.trim());
    println!("cargo::rustc-env=TONEPRESS_TARGET={target}");
    println!("cargo::rustc-env=TONEPRESS_PROFILE={}", env::var("PROFILE").unwrap_or_default());
    println!("cargo::rerun-if-changed=build.rs");
}
