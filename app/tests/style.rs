//! The style sheets keep to the tokens: one set of colours and times for both themes, each named once and used.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The sheets by name.
fn sheets() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../style");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let sheet =
        |path: &Path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap());
    let sheets: Vec<_> = files.map(|path| sheet(&path)).collect();
    assert!(sheets.len() > 4, "the sheets are elsewhere");
    sheets
}

/// Without comments.
fn rules(sheet: &str) -> String {
    let mut pieces = sheet.split("/*");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.filter_map(|piece| piece.split_once("*/")).fold(first, |rules, (_, rest)| rules + rest)
}

/// The names of custom properties that follow `before`.
fn names(rules: &str, before: &str) -> BTreeSet<String> {
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '-';
    let after = rules.split(before).skip(1);
    after.map(|rest| rest.split(|char| !is_name(char)).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn colours_are_said_in_the_tokens_alone() {
    for (name, sheet) in sheets().iter().filter(|(name, _)| name != "tokens.css") {
        let rules = rules(sheet);
        for word in ["oklch(", "rgb(", "rgba(", "hsl(", "#fff", "#000"] {
            assert!(!rules.contains(word), "{name} says a colour of its own: {word}");
        }
    }
}

#[test]
fn what_is_named_is_used_and_what_is_used_is_named() {
    let sheets = sheets();
    let all: String = sheets.iter().map(|(_, sheet)| rules(sheet)).collect();
    let used = names(&all, "var(--");
    // A definition begins a line.
    let defined: BTreeSet<String> = all
        .lines()
        .flat_map(|line| line.split(['{', ';']))
        .filter_map(|part| part.trim().strip_prefix("--")?.split_once(':'))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert!(defined.len() > 60, "{defined:?}");
    assert_eq!(used.difference(&defined).collect::<Vec<_>>(), Vec::<&String>::new(), "used, and not defined");
    assert_eq!(defined.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new(), "defined, and not used");
}

#[test]
fn the_list_of_what_is_bundled_has_every_sheet() {
    let list = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../index.html")).unwrap();
    for (name, _) in sheets() {
        assert!(list.contains(&format!("style/{name}")), "{name} is not bundled");
    }
}
