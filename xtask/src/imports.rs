//! Short names for what the module asks of its script: wasm-bindgen's are long, each ends in the sixteen digits of a hash, which
//! nothing compresses, and all of them stand in both files.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use wasm_encoder::reencode::{Reencode as _, RoundtripReencoder};
use wasm_encoder::{ImportSection, Module, RawSection};
use wasmparser::{Import, ImportSectionReader, Parser, Payload};

/// What stands for the file that the module takes its imports from.
const FROM: &str = "m";

/// The script and the module with short names. They belong together: each name of the module must stand in the script, once.
pub fn shorten(script: &str, module: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut short = Module::new();
    let mut names = Names::default();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match (&payload, payload.as_section()) {
            (Payload::ImportSection(imports), _) => {
                short.section(&names.shortened(imports.clone())?);
            }
            (_, Some((id, range))) => {
                let data = &module[usize::try_from(range.start)?..usize::try_from(range.end)?];
                short.section(&RawSection { id, data });
            }
            _ => {}
        }
    }
    Ok((names.in_script(script)?, short.finish()))
}

/// The short names, by the long ones.
#[derive(Default)]
struct Names<'a> {
    file: Option<&'a str>,
    short: BTreeMap<&'a str, String>,
}

impl<'a> Names<'a> {
    fn shortened(&mut self, imports: ImportSectionReader<'a>) -> Result<ImportSection> {
        let mut section = ImportSection::new();
        for import in imports.into_imports() {
            let Import { module, name, ty } = import?;
            if *self.file.get_or_insert(module) != module {
                bail!("the module takes its imports from two files, {module} is the second");
            }
            let next = letters(self.short.len());
            let short = self.short.entry(name).or_insert(next);
            section.import(FROM, short, RoundtripReencoder.entity_type(ty)?);
        }
        Ok(section)
    }

    fn in_script(&self, script: &str) -> Result<String> {
        let mut written = String::with_capacity(script.len());
        let mut missing: BTreeSet<&str> = self.short.keys().copied().collect();
        for word in words(script) {
            let short = self.short.get(word);
            if short.is_some() && !missing.remove(word) {
                bail!("the script has {word} twice");
            }
            written.push_str(short.map_or(word, String::as_str));
        }
        if let Some(name) = missing.first() {
            bail!("the script has no {name}");
        }
        let file = format!("\"{}\"", self.file.context("a module without imports")?);
        if written.matches(&file).count() != 1 {
            bail!("the script does not say once that it is {file}");
        }
        Ok(written.replace(&file, &format!("\"{FROM}\"")))
    }
}

/// A text cut into its identifiers and what is between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_of_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_word = is_of_word(rest.chars().next()?);
        let end = rest.find(|character| is_of_word(character) != is_word).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

/// The names a, b, … z, aa, ab, …
fn letters(number: usize) -> String {
    let mut name = (number / 26).checked_sub(1).map(letters).unwrap_or_default();
    name.extend(('a'..='z').nth(number % 26));
    name
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{EntityType, TypeSection};

    use super::*;

    const FILE: &str = "./site_bg.js";

    /// A module that imports functions.
    fn module(imports: &[(&str, &str)]) -> Vec<u8> {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], []);
        module.section(&types);
        let mut section = ImportSection::new();
        for (file, name) in imports {
            section.import(file, name, EntityType::Function(0));
        }
        module.section(&section);
        module.finish()
    }

    #[test]
    fn both_files_have_the_short_names_and_nothing_else_changes() {
        let names = ["__wbg_now_65ff8ec2b863300c", "__wbg_new_da52cf8fe3429cb2"];
        let script = r#"const i={__wbg_new_da52cf8fe3429cb2:n=>new n,__wbg_now_65ff8ec2b863300c(){return x.__wbg_new()}};f({"./site_bg.js":i})"#;
        let (script, short) = shorten(script, &module(&names.map(|name| (FILE, name)))).unwrap();
        assert_eq!(script, r#"const i={b:n=>new n,a(){return x.__wbg_new()}};f({"m":i})"#);
        assert_eq!(short, module(&[("m", "a"), ("m", "b")]));
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let refused =
            |script: &str, imports: &[(&str, &str)]| shorten(script, &module(imports)).unwrap_err().to_string();
        assert_eq!(refused(r#"x={"./site_bg.js":{}}"#, &[(FILE, "__wbg_now")]), "the script has no __wbg_now");
        assert_eq!(
            refused(r#"x={"./site_bg.js":{__wbg_now:y,__wbg_now:z}}"#, &[(FILE, "__wbg_now"), (FILE, "__wbg_new")]),
            "the script has __wbg_now twice"
        );
        assert_eq!(
            refused("x={__wbg_now:y}", &[(FILE, "__wbg_now")]),
            "the script does not say once that it is \"./site_bg.js\""
        );
        assert_eq!(
            refused("", &[(FILE, "__wbg_now"), ("./other.js", "now")]),
            "the module takes its imports from two files, ./other.js is the second"
        );
        assert!(shorten("", b"no module").is_err());
    }

    #[test]
    fn names_are_told_apart() {
        assert_eq!(
            [0, 1, 25, 26, 27, 51, 52, 701, 702].map(letters),
            ["a", "b", "z", "aa", "ab", "az", "ba", "zz", "aaa"]
        );
    }
}
