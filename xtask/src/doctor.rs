//! `cargo xtask doctor`: what is there, and what is missing.

use anyhow::Result;

use crate::command::{command, output, which};
use crate::{apt, tools, wasm_target};

/// One line of the report.
struct Finding {
    what: String,
    needed_by: &'static str,
    there: Option<String>,
    /// How it would come.
    otherwise: &'static str,
}

/// `cargo xtask doctor`. Installs nothing.
pub fn run(_: ()) -> Result<()> {
    let findings = findings()?;
    for finding in &findings {
        match &finding.there {
            Some(where_) => println!("there    {}: {where_}", finding.what),
            None => println!("missing  {} (for {}): {}", finding.what, finding.needed_by, finding.otherwise),
        }
    }
    let missing = findings.iter().filter(|f| f.there.is_none()).count();
    println!();
    if missing == 0 {
        println!("everything is there");
    } else if apt::is_root() {
        println!("{missing} missing: each is installed by the command that needs it");
    } else {
        println!(
            "{missing} missing: each is installed by the command that needs it, except what comes \
             with apt, which takes root"
        );
    }
    Ok(())
}

fn findings() -> Result<Vec<Finding>> {
    let show = |path: std::path::PathBuf| path.display().to_string();
    let trunk = tools::trunk();
    let bindgen = tools::wasm_bindgen()?;
    let deny = tools::cargo_deny();
    let geckodriver = tools::geckodriver();
    Ok(vec![
        Finding {
            what: "compiler".to_owned(),
            needed_by: "everything",
            there: output(command("rustc").arg("--version")),
            otherwise: "install Rust's stable toolchain",
        },
        Finding {
            what: "WebAssembly target".to_owned(),
            needed_by: "build",
            there: wasm_target::find()?.map(|compiler| compiler.describe()),
            otherwise: "by rustup, else by apt's rustc-web and rust-web-src",
        },
        Finding {
            what: trunk.title(),
            needed_by: "build",
            there: trunk.find()?.map(show),
            otherwise: "by cargo install, about 8 min",
        },
        Finding {
            what: bindgen.title(),
            needed_by: "build",
            there: bindgen.find()?.map(show),
            otherwise: "by cargo install, about 3 min",
        },
        Finding {
            what: "Node and npm".to_owned(),
            needed_by: "build",
            there: tools::find_npm().map(show),
            otherwise: "by apt's nodejs and npm",
        },
        Finding {
            what: tools::wasm_opt::title(),
            needed_by: "build",
            there: tools::wasm_opt::find()?.map(show),
            otherwise: "by npm's binaryen",
        },
        Finding {
            what: deny.title(),
            needed_by: "test",
            there: deny.find()?.map(show),
            otherwise: "by cargo install, about 1 min",
        },
        Finding {
            what: "PostgreSQL".to_owned(),
            needed_by: "test",
            there: tools::find_postgres().map(show),
            otherwise: "by apt's postgresql",
        },
        Finding {
            what: "Chromium".to_owned(),
            needed_by: "test",
            there: tools::find_chromium().map(show),
            otherwise: "by apt's chromium",
        },
        Finding {
            what: "a font for Chinese".to_owned(),
            needed_by: "test",
            there: tools::has_cjk_font().then(|| "installed".to_owned()),
            otherwise: "by apt's fonts-noto-cjk",
        },
        Finding {
            what: "Firefox".to_owned(),
            needed_by: "test",
            there: tools::find_firefox().map(show),
            otherwise: "by apt's firefox-esr",
        },
        Finding {
            what: geckodriver.title(),
            needed_by: "test",
            there: geckodriver.find()?.map(show),
            otherwise: "by cargo install, about 1 min",
        },
        Finding {
            what: tools::SCHEMATHESIS.title(),
            needed_by: "test",
            there: tools::SCHEMATHESIS.find()?.map(show),
            otherwise: "by pip, into an environment of its own",
        },
        Finding {
            what: "cargo-nextest".to_owned(),
            needed_by: "test",
            there: Some(
                which("cargo-nextest")
                    .map_or_else(|| "no, and cargo test does without".to_owned(), |path| path.display().to_string()),
            ),
            otherwise: "",
        },
        Finding {
            what: "wrk".to_owned(),
            needed_by: "bench",
            there: which("wrk").map(show),
            otherwise: "by apt's wrk",
        },
    ])
}
