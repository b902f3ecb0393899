//! The commands.

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::serve;
use crate::{Failure, accounts, demo, simulator};
use bmw_simulator::Roots;
use bmw_site::Caller;
use bmw_store::site_file::SiteFile;
use bmw_store::{ImportMode, Role, Store, StoreError};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;

/// Fewer threads than this could starve a stream of pages.
const LEAST_WORKERS: usize = 4;

/// Carries out the command.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let config = Config::read(cli.options)?;
    log_to_stderr(&config.log)?;
    let workers = std::thread::available_parallelism().map_or(LEAST_WORKERS, usize::from).max(LEAST_WORKERS);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let outcome = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => serve(&config).await,
            Command::CreateSuperuser { username, password_stdin } => {
                accounts::create_superuser(&config, username, password_stdin).await
            }
            Command::ResetSecondFactor { username } => accounts::reset_second_factor(&config, &username).await,
            Command::Migrate => migrate(&config).await,
            Command::Import { replace, file } => import(&config, &file, replace).await,
            Command::Export { file } => export(&config, &file).await,
            Command::Simulate { url, ca, chargers, seed, speed, hour, password } => {
                let units = (1..=chargers).map(simulator::anonymous).collect();
                let roots = roots(&url, ca.as_deref())?;
                let password = password.filter(|password| !password.is_empty());
                simulate(bmw_simulator::Options { url, roots, units, seed, speed, hour, password }).await
            }
            Command::Demo { seed } => fill(&config, seed).await,
        }
    });
    // Whatever is still in the middle of something has had its time.
    runtime.shutdown_timeout(Duration::from_millis(200));
    outcome
}

fn log_to_stderr(filter: &str) -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(what_to_log(filter)?)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .try_init()
        .map_err(Failure::failed)
}

/// What tells whole frames at its finer levels: a charge point's password is among them.
const TELLS_FRAMES: [&str; 2] = ["tungstenite=info", "tokio_tungstenite=info"];

/// What `--log` lets through; nothing that is secret, whatever it says.
fn what_to_log(filter: &str) -> Result<EnvFilter, Failure> {
    let filter = EnvFilter::builder().parse(filter).map_err(|error| Failure::usage(format!("--log: {error}")))?;
    TELLS_FRAMES
        .into_iter()
        .try_fold(filter, |filter, directive| Ok(filter.add_directive(directive.parse().map_err(Failure::failed)?)))
}

/// One line on the standard output. Whoever closed it does not want it.
pub fn say(line: &str) {
    let mut out = io::stdout();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

async fn serve(config: &Config) -> Result<(), Failure> {
    let signal = serve::signal().map_err(Failure::failed)?;
    let running = serve::start(config).await?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    say(&format!("listening on {scheme}://{}", running.addr));
    accounts::greet(&running.access, config.simulator).await?;
    signal.await;
    tracing::info!("ending");
    running.shutdown().await;
    Ok(())
}

async fn simulate(options: bmw_simulator::Options) -> Result<(), Failure> {
    let most = bmw_simulator::SPEED_MOST;
    if !(0.01..=most).contains(&options.speed) {
        return Err(Failure::usage(format!("--speed: {} is not from 0.01 to {most}", options.speed)));
    }
    if let Some(hour) = options.hour.filter(|hour| !(0.0..24.0).contains(hour)) {
        return Err(Failure::usage(format!("--hour: {hour} is not from 0 to under 24")));
    }
    let signal = serve::signal().map_err(Failure::failed)?;
    let ending = tokio::sync::watch::Sender::new(false);
    say(&format!("simulating {} charge points at {}", options.units.len(), options.url));
    let points = tokio::spawn(bmw_simulator::run(options, bmw_simulator::Hands::default(), ending.subscribe()));
    signal.await;
    ending.send_replace(true);
    points.await.map_err(Failure::failed)
}

/// What the certificate of a site must lead to.
fn roots(url: &str, file: Option<&Path>) -> Result<Option<Roots>, Failure> {
    let Some(file) = file else {
        let is_needed = url.starts_with("wss:");
        return if is_needed {
            Err(Failure::usage("--ca: it is needed where the --url is wss://…"))
        } else {
            Ok(None)
        };
    };
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(format!("--ca: {}: {error}", file.display()));
    let pem = fs::read(file).map_err(|error| wrong(&error))?;
    Roots::read(&pem).map(Some).map_err(|error| wrong(&error))
}

async fn migrate(config: &Config) -> Result<(), Failure> {
    let (store, opened) = serve::open(config, Role::Owner).await?;
    serve::report(&opened, &store);
    store.close().await;
    say(if opened.created { "the database was made" } else { "the database is of this version" });
    Ok(())
}

async fn import(config: &Config, path: &Path, replace: bool) -> Result<(), Failure> {
    let start = Instant::now();
    let name = path.display().to_string();
    let unreadable = |error: &dyn std::fmt::Display| Failure::usage(format!("{name}: {error}"));
    // The file first: a malformed one leaves no trace.
    let bytes = if path == Path::new("-") { read_standard_input() } else { fs::read(path) };
    let bytes = bytes.map_err(|error| unreadable(&error))?;
    let file = SiteFile::parse(&bytes).map_err(|error| unreadable(&error))?;
    drop(bytes);
    let (store, opened) = serve::open(config, Role::Owner).await?;
    serve::report(&opened, &store);
    let mode = if replace { ImportMode::Replace } else { ImportMode::Merge };
    let outcome = bring_in(&store, &file, mode).await;
    store.close().await;
    outcome.map_err(|error| match error {
        StoreError::SiteFile(error) => unreadable(&error),
        error => Failure::failed(error),
    })?;
    say(&format!("imported {} from {name} in {}", contents(&file), speed(&file, start.elapsed())));
    Ok(())
}

/// Brings in a site file, and tells the audit log.
async fn bring_in(store: &Arc<dyn Store>, file: &SiteFile, mode: ImportMode) -> Result<(), StoreError> {
    let word = if mode == ImportMode::Replace { "replace" } else { "merge" };
    let (mut before, mut after) = (json!({}), told(file));
    after["mode"] = word.into();
    let settings = match (&file.settings, mode) {
        (None, ImportMode::Merge) => None,
        (settings, _) => Some(settings.clone().unwrap_or_default()),
    };
    if let Some(settings) = settings {
        before["settings"] = json!(store.inventory().await?.settings);
        after["settings"] = json!(settings);
    }
    let audit = Caller::terminal().entry("site.import", before.to_string(), after.to_string());
    store.import_by(file, mode, Some(&audit)).await
}

/// What the audit log keeps of a site file.
pub fn told(file: &SiteFile) -> Value {
    json!({
        "models": file.models.as_ref().map(Vec::len),
        "chargers": file.charge_points.as_ref().map(Vec::len),
        "states": file.states.as_ref().map(Vec::len),
        "sessions": file.sessions.as_ref().map(Vec::len),
    })
}

fn read_standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a site file holds, in words.
fn contents(file: &SiteFile) -> String {
    let count = |number: Option<usize>, one: &str, many: &str| {
        number.map(|number| format!("{number} {}", if number == 1 { one } else { many }))
    };
    let parts = [
        file.settings.as_ref().map(|_| "the settings".to_owned()),
        count(file.models.as_ref().map(Vec::len), "model", "models"),
        count(file.charge_points.as_ref().map(Vec::len), "charger", "chargers"),
        count(file.states.as_ref().map(Vec::len), "state", "states"),
        count(file.sessions.as_ref().map(Vec::len), "session", "sessions"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

/// `2.13 s (469000 sessions a second)`, the rate only where there are enough sessions for one.
fn speed(file: &SiteFile, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let sessions = file.sessions.as_ref().map_or(0, Vec::len);
    if sessions < 10_000 {
        return format!("{seconds:.2} s");
    }
    let rate = sessions as u128 * 1_000_000 / elapsed.as_micros().max(1);
    format!("{seconds:.2} s ({rate} sessions a second)")
}

async fn export(config: &Config, path: &Path) -> Result<(), Failure> {
    let (store, opened) = serve::open(config, Role::Reader).await?;
    serve::report(&opened, &store);
    let file = store.export().await;
    let noted = match &file {
        // It has the numbers of cards in it.
        Ok(file) => {
            let audit = Caller::terminal().entry("site.export", "null".to_owned(), told(file).to_string());
            store.add_audit(&audit).await
        }
        Err(_) => Ok(()),
    };
    store.close().await;
    let file = file.map_err(Failure::failed)?;
    noted.map_err(Failure::failed)?;
    if path == Path::new("-") {
        let mut out = io::BufWriter::new(io::stdout().lock());
        return file.write(&mut out).and_then(|()| out.flush()).map_err(Failure::failed);
    }
    write_whole(&file, path).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    say(&format!("exported {} to {}", contents(&file), path.display()));
    Ok(())
}

/// Writes a file beside its place and moves it there when it is complete: a half one never has the name. Behind a link its
/// target is meant, and what is no file (a pipe, a device) is written into.
fn write_whole(file: &SiteFile, path: &Path) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let known = fs::metadata(path).ok();
    if known.as_ref().is_some_and(|known| !known.is_file()) {
        let mut out = io::BufWriter::new(fs::File::options().write(true).open(path)?);
        return file.write(&mut out).and_then(|()| out.flush());
    }
    let mut name = path.file_name().ok_or_else(|| io::Error::other("is no file name"))?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = create_private(&part).and_then(|handle| {
        if let Some(known) = &known {
            handle.set_permissions(known.permissions())?;
        }
        let mut out = io::BufWriter::new(handle);
        file.write(&mut out)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        fs::rename(&part, path)
    });
    if written.is_err() {
        // The first error tells more than one about the remains.
        drop(fs::remove_file(&part));
    }
    written
}

/// A new file for its owner alone: a site file has the numbers of cards in it.
fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

async fn fill(config: &Config, seed: u64) -> Result<(), Failure> {
    let start = Instant::now();
    let (store, opened) = serve::open(config, Role::Owner).await?;
    serve::report(&opened, &store);
    let now = bmw_site::Clock::new(store.zone().clone(), config.now).local_now();
    let outcome = demo::fill(store.as_ref(), seed, now).await;
    let account = match &outcome {
        Ok(_) => accounts::make_demo(&store).await,
        Err(_) => Ok(()),
    };
    store.close().await;
    let filled = outcome.map_err(Failure::failed)?;
    say(&format!("filled the database with {filled} in {:.1} s", start.elapsed().as_secs_f64()));
    account
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Told(Arc<std::sync::Mutex<Vec<u8>>>);

    impl io::Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_frame_gets_into_the_log() {
        for filter in ["trace", "info,tungstenite=trace", "tokio_tungstenite=debug,tungstenite=debug", "debug"] {
            let told = Told::default();
            let writer = told.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter(what_to_log(filter).unwrap())
                .with_writer(move || writer.clone())
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::trace!(target: "tungstenite::protocol", "Sending frame: SECRET");
                tracing::debug!(target: "tungstenite::protocol::frame", "SECRET");
                tracing::trace!(target: "tokio_tungstenite", "SECRET");
                tracing::info!(target: "tungstenite", "the rest");
            });
            let told = String::from_utf8(told.0.lock().unwrap().clone()).unwrap();
            assert!(!told.contains("SECRET") && told.contains("the rest"), "{filter}: {told}");
        }
    }

    #[test]
    fn a_site_with_tls_needs_a_root() {
        assert!(roots("ws://host/ocpp", None).unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "").unwrap();
        for file in [None, Some(empty.as_path()), Some(Path::new("/nowhere.pem"))] {
            let failure = roots("wss://host/ocpp", file).unwrap_err();
            assert_eq!(failure.status(), 2);
            assert!(failure.to_string().starts_with("--ca: "), "{failure}");
        }
    }
}
