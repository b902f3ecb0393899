//! The arrows and invariants of ARCHITECTURE.md.
#![allow(clippy::unwrap_used)] // in functions that tests share

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which crate may use which others of the workspace.
const ARROWS: [(&str, &[&str]); 10] = [
    ("bmw-domain", &[]),
    ("bmw-store", &["bmw-domain"]),
    ("bmw-site", &["bmw-domain", "bmw-store"]),
    ("bmw-ocpp", &["bmw-domain", "bmw-site", "bmw-store"]),
    ("bmw-app", &["bmw-domain", "bmw-site", "bmw-store"]),
    ("bmw", &["bmw-app", "bmw-domain", "bmw-ocpp", "bmw-simulator", "bmw-site", "bmw-store"]),
    ("bmw-frontend", &["bmw-app"]),
    ("bmw-simulator", &[]),
    ("bmw-testkit", &[]),
    ("xtask", &[]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn dependencies_point_one_way() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let (_, allowed) = ARROWS
            .iter()
            .find(|(crate_name, _)| *crate_name == name)
            .unwrap_or_else(|| panic!("{name} is not in the table of arrows, nor in ARCHITECTURE.md"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            let is_test_only = dependency["kind"] == "dev";
            assert!(!ours.contains(used) || is_test_only || allowed.contains(&used), "{name} must not use {used}");
        }
    }
}

#[test]
fn the_domain_has_no_clock_and_no_input_or_output() {
    for (path, line) in code_lines("crates/domain/src") {
        for word in ["std::fs", "std::net", "std::env", "std::time", "SystemTime", "Instant::now", "println!"] {
            assert!(!line.contains(word), "{}: {line}", path.display());
        }
    }
}

#[test]
fn what_proxies_say_is_read_in_one_place() {
    // The name of the site is looked up where it is written into codes: of whom it is not believed, `peer.rs` has taken it away.
    let places =
        ["server/src/peer.rs", "app/src/api/feed.rs", "app/src/on_site/origin.rs"].map(|path| root().join(path));
    for folder in ["app/src", "server/src", "crates/ocpp/src", "crates/site/src"] {
        for (path, line) in code_lines(folder).into_iter().filter(|(path, _)| !places.contains(path)) {
            let line = line.to_ascii_lowercase();
            assert!(!line.contains("x-forwarded") && !line.contains("header::forwarded"), "{}: {line}", path.display());
        }
    }
}

#[test]
fn sql_is_in_the_store_only() {
    for folder in ["app/src", "server/src", "crates/ocpp/src", "crates/site/src", "crates/domain/src"] {
        for (path, line) in code_lines(folder) {
            assert!(!line.contains("sqlx::"), "{}: {line}", path.display());
        }
    }
}

#[test]
fn documented_names_stay_at_the_boundary() {
    let elsewhere = [
        "app/src/components",
        "app/src/charts",
        "app/src/data",
        "app/src/pages",
        "crates/ocpp/src",
        "crates/site/src",
        "crates/domain/src",
        "server/src",
    ];
    for folder in elsewhere {
        for (path, line) in code_lines(folder) {
            for name in ["vchc", "vchm", "vchs", "vchp", "dtts", "dttf", "dttr", "dblen", "dblac", "intmaxc", "blnc"] {
                assert!(!line.to_lowercase().contains(name), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn what_is_sensitive_is_asked_for_with_a_caller() {
    let words = [
        "commands_of",
        "last_answers",
        "command(",
        "command_by_key",
        "open_commands",
        "find_sessions",
        "session(",
        "findings",
        "happenings",
        "frames(",
        "diagnostics",
        "audit_log",
        "add_audit",
        "account",
    ];
    for folder in ["app/src", "server/src"] {
        for (path, line) in code_lines(folder) {
            for word in words {
                let direct = format!("store().{word}");
                assert!(!line.contains(&direct), "{}: {line}", path.display());
            }
            for direct in ["site.cards()", "site.joining()", "site.newest_commands()"] {
                assert!(!line.contains(direct), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn every_kind_of_entry_of_the_audit_log_has_a_name() {
    for folder in ["app/src", "server/src", "crates/site/src"] {
        for (path, line) in code_lines(folder) {
            for call in [".entry(\"", ".note_download(\"", "self.change(caller, key, \""] {
                let kind = line.split(call).nth(1).and_then(|rest| rest.split('"').next());
                // Those of tests are no kinds.
                if let Some(kind) = kind.filter(|kind| kind.contains('.')) {
                    assert!(bmw_app::text::audit::is_known(kind), "{}: {kind}", path.display());
                }
            }
        }
    }
}

#[test]
fn what_draws_knows_no_document() {
    let life_of_a_page = root().join("app/src/pages/mod.rs");
    for folder in ["app/src/components", "app/src/charts", "app/src/pages"] {
        for (path, line) in code_lines(folder).into_iter().filter(|(path, _)| *path != life_of_a_page) {
            for word in ["web_sys", "wasm_bindgen", "document()", "window()", "leptos::prelude"] {
                assert!(!line.contains(word), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn no_journey_waits_for_a_time() {
    let journeys = std::fs::read_dir(root().join("end2end/tests")).unwrap().map(|entry| entry.unwrap().path());
    let texts: Vec<_> = journeys.map(|path| (std::fs::read_to_string(&path).unwrap(), path)).collect();
    assert!(!texts.is_empty());
    for (text, path) in texts {
        for word in ["waitForTimeout", "setTimeout(resolve", "networkidle"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}

/// The lines of a folder's sources that are neither comments nor empty.
fn code_lines(folder: &str) -> Vec<(PathBuf, String)> {
    let mut lines = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
                lines.extend(code.map(|line| (path.clone(), line.to_owned())));
            }
        }
    }
    assert!(!lines.is_empty(), "{folder} has no code");
    lines
}
