//! Puts the bundle into the program, and the files of `public`: compresses each here, once and as well as
//! possible, so that serving it costs a copy.
//!
//! The bundle is the folder that `BMW_BUNDLE` names, else `target/bundle` of the workspace. Without
//! one the program builds and runs all the same; its pages then have no script.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=BMW_BUNDLE");
    let folder = bundle_folder()?;
    println!("cargo::rerun-if-changed={}", folder.display());

    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let packing = Packing::for_profile(&std::env::var("PROFILE")?);
    let public = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../public").canonicalize()?;
    println!("cargo::rerun-if-changed={}", public.display());
    let mut files = Vec::new();
    // A bundle of an older version may have one of the others as well.
    for folder in [&public, &folder] {
        collect(folder, &mut |file| {
            let path = url_path(folder, &file)?;
            if !files.iter().any(|(known, _)| *known == path) {
                files.push((path, file));
            }
            Ok(())
        })?;
    }
    files.sort();

    let mut table = String::from("static FILES: &[Asset] = &[\n");
    for (index, (path, file)) in files.iter().enumerate() {
        let entry = Entry::write(&out, index, path.clone(), &fs::read(file)?, &packing)?;
        entry.append_to(&mut table)?;
    }
    table.push_str("];\n");
    let names = Names::find(files.iter().map(|(path, _)| path.as_str()))?;
    writeln!(table, "static NAMES: Option<Names> = {names};")?;
    fs::write(out.join("assets_table.rs"), table)?;
    Ok(())
}

fn bundle_folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("BMW_BUNDLE") {
        let folder = PathBuf::from(folder);
        if !folder.is_dir() {
            return Err(format!("BMW_BUNDLE: there is no folder {}", folder.display()).into());
        }
        return Ok(folder);
    }
    let manifest = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let folder = manifest.join("../target/bundle");
    // Cargo runs a build script that watches a missing path again each time, and rebuilds the
    // program after it.
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

fn collect(folder: &Path, found: &mut dyn FnMut(PathBuf) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else {
            found(path)?;
        }
    }
    Ok(())
}

fn url_path(folder: &Path, file: &Path) -> Result<String> {
    let mut path = String::new();
    for part in file.strip_prefix(folder)? {
        path.push('/');
        path.push_str(part.to_str().ok_or("a file of the bundle has an odd name")?);
    }
    Ok(path)
}

/// How hard to compress.
struct Packing {
    brotli: i32,
    gzip: u32,
}

impl Packing {
    /// A build for development would wait longer for the last percent than it is worth.
    fn for_profile(profile: &str) -> Self {
        if profile == "release" { Self { brotli: 11, gzip: 9 } } else { Self { brotli: 2, gzip: 1 } }
    }

    fn brotli(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let parameters = brotli::enc::BrotliEncoderParams {
            quality: self.brotli,
            lgwin: 22,
            size_hint: bytes.len(),
            ..Default::default()
        };
        let mut packed = Vec::new();
        brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters)?;
        Ok(packed)
    }

    fn gzip(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let level = flate2::Compression::new(self.gzip);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
        encoder.write_all(bytes)?;
        Ok(encoder.finish()?)
    }
}

/// A file of the bundle, with its forms written into the build's folder.
struct Entry {
    path: String,
    etag: String,
    identity: PathBuf,
    brotli: Option<PathBuf>,
    gzip: Option<PathBuf>,
}

impl Entry {
    fn write(out: &Path, index: usize, path: String, bytes: &[u8], packing: &Packing) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let file = |end: &str| out.join(format!("asset-{index}.{end}"));
        let write = |end: &str, form: &[u8]| -> Result<PathBuf> {
            let path = file(end);
            fs::write(&path, form)?;
            Ok(path)
        };
        // What compression does not make smaller is left as it is.
        let smaller = |end: &str, form: Vec<u8>| -> Result<Option<PathBuf>> {
            if form.len() < bytes.len() { write(end, &form).map(Some) } else { Ok(None) }
        };
        Ok(Self {
            path,
            etag: format!("{:016x}", hasher.finish()),
            identity: write("identity", bytes)?,
            brotli: smaller("br", packing.brotli(bytes)?)?,
            gzip: smaller("gz", packing.gzip(bytes)?)?,
        })
    }

    fn append_to(&self, table: &mut String) -> Result<()> {
        // Written as a string literal of Rust, with its escapes.
        let include = |path: &Path| format!("include_bytes!({:?})", path.to_string_lossy());
        let optional = |path: &Option<PathBuf>| match path {
            Some(path) => format!("Some({})", include(path)),
            None => "None".to_owned(),
        };
        writeln!(
            table,
            "    Asset {{ path: {:?}, media_type: {:?}, etag: \"W/\\\"{}\\\"\", forever: {}, \
             identity: {}, brotli: {}, gzip: {} }},",
            self.path,
            media_type(&self.path),
            self.etag,
            is_named_by_content(&self.path),
            include(&self.identity),
            optional(&self.brotli),
            optional(&self.gzip),
        )?;
        Ok(())
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("wasm") => "application/wasm",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// `/pkg/bmw-0123456789abcdef.js`, `/pkg/bmw-0123456789abcdef_bg.wasm`: another content has another
/// name.
fn is_named_by_content(path: &str) -> bool {
    path.strip_prefix("/pkg/bmw-")
        .and_then(|rest| rest.split(['.', '_']).next())
        .is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// What pages name, written as the code of an `Option<Names>`.
struct Names;

impl Names {
    fn find<'a>(paths: impl Iterator<Item = &'a str>) -> Result<String> {
        let mut found = [None, None, None];
        for path in paths.filter(|path| is_named_by_content(path)) {
            for (slot, end) in found.iter_mut().zip([".js", ".wasm", ".css"]) {
                if path.ends_with(end) {
                    *slot = Some(path);
                }
            }
        }
        match found {
            [Some(js), Some(wasm), Some(css)] => {
                Ok(format!("Some(Names {{ js: {js:?}, wasm: {wasm:?}, css: {css:?} }})"))
            }
            [None, None, None] => Ok("None".to_owned()),
            _ => Err("the bundle lacks a script, a module or a style".into()),
        }
    }
}
