//! The program at the terminal: what it prints, and the status it ends with.

use crate::client::{SITE_2015, SITE_2019};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The program with a database in a folder, and nothing of this process' own environment.
pub fn bmw(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bmw"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("BMW_")) {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .env("BMW_DATABASE_URL", format!("sqlite://{}/bmw.db", folder.display()))
        .env("BMW_TIMEZONE", "Asia/Shanghai")
        .env("BMW_LOG", "warn")
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    bmw(folder, arguments).output().unwrap()
}

#[track_caller]
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Checks that the program ended with a status and one line that says a word.
#[track_caller]
fn refused(output: &Output, status: i32, word: &str) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("bmw: ") && error.contains(word), "{error}");
    assert!(output.stdout.is_empty());
}

#[track_caller]
fn done(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout).trim_end()
}

/// A served site.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
        Self::of(bmw(folder, &arguments))
    }

    fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}"));
        Self { address: address.to_owned(), child }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks it to end as a service manager does.
    fn terminate(&mut self) {
        self.end_by("TERM");
    }

    fn end_by(&mut self, signal: &str) {
        let signal = ["-", signal].concat();
        let status = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
        let start = Instant::now();
        let status = self.child.wait().unwrap();
        assert!(status.success() && start.elapsed() < Duration::from_secs(5), "{status} {:?}", start.elapsed());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn wrong_options_are_refused_in_one_line() {
    let folder = folder();
    for (arguments, word) in [
        (&["--nonsense"][..], "--nonsense"),
        (&["--listen", "8000"], "--listen"),
        (&["--timezone", "Moon/Crater"], "Moon/Crater"),
        (&["--now", "soon"], "--now"),
        (&["--feed-interval", "0"], "--feed-interval"),
        (&["--no-subprotocol", "maybe"], "--no-subprotocol"),
        (&["--heartbeat", "0"], "--heartbeat"),
        (&["--log", "a=b=c"], "--log"),
        (&["import"], "<FILE>"),
        (&["import", "/no/such/file"], "/no/such/file"),
        (&["simulate", "--speed", "10000"], "--speed: 10000 is not from 0.01 to 3000"),
        (&["simulate", "--hour", "24"], "--hour"),
        (&["simulate", "--chargers", "0"], "--chargers"),
    ] {
        refused(&run(folder.path(), arguments), 2, word);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing may be made");
    for url in ["mysql://x", "x", "sqlite://"] {
        let output = run(folder.path(), &["migrate", "--database-url", url]);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
        assert_eq!(text(&output.stderr).lines().count(), 1);
    }
}

#[test]
fn a_switch_in_the_environment_is_true_or_false_and_empty_it_is_none() {
    const SWITCHES: [(&str, &str); 4] = [
        ("BMW_SIMULATOR", "--simulator"),
        ("BMW_REGISTER_UNKNOWN", "--register-unknown"),
        ("BMW_OCPP_FIRST_USE", "--ocpp-first-use"),
        ("BMW_OCPP_PLAIN", "--ocpp-plain"),
    ];
    let folder = folder();
    let with = |names: &[(&str, &str)], value: &str| {
        let mut command = bmw(folder.path(), &["migrate"]);
        command.envs(names.iter().map(|(name, _)| (*name, value))).output().unwrap()
    };
    for switch in SWITCHES {
        refused(&with(&[switch], "yes"), 2, switch.1);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing may be made");
    for value in ["", "false"] {
        done(&with(&SWITCHES, value));
    }
    done(&with(&SWITCHES[..3], "true"));
    refused(&with(&SWITCHES[3..], "true"), 2, "--ocpp-listen");
}

/// Without files left it could take no connection, and open no database.
#[cfg(target_os = "linux")]
#[test]
fn connections_of_all_addresses_together_leave_the_program_its_files() {
    const FILES: usize = 460;
    const PLACES: usize = FILES - 200;
    let folder = folder();
    let apart = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let log = folder.path().join("log");
    let program = bmw(folder.path(), &["--listen", "127.0.0.1:0", "--ocpp-listen", &apart]);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {FILES}; exec \"$0\" \"$@\"")]);
    command.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null()).stderr(fs::File::create(&log).unwrap());
    let mut serving = Serving::of(command);
    let files = format!("/proc/{}/fd", serving.child.id());
    let files = || fs::read_dir(&files).unwrap().count();
    let fill = |address: &str| (0..PLACES).map(|_| TcpStream::connect(address).unwrap()).collect::<Vec<_>>();
    let open = [fill(&apart), fill(&serving.address)];
    // There are connections in all places, and what the program has open besides.
    while files() < PLACES {}
    drop(open);
    assert!(serving.get("/healthz").starts_with("HTTP/1.1 200 "));
    serving.terminate();
    let log = fs::read_to_string(&log).unwrap();
    assert!(!log.contains("cannot be taken"), "{log}");
}

#[test]
fn help_tells_every_option_and_its_variable() {
    let help = run(folder().path(), &["--help"]);
    let help = done(&help);
    for word in [
        "--database-url",
        "BMW_DATABASE_URL",
        "--listen",
        "BMW_LISTEN",
        "--timezone",
        "BMW_TIMEZONE",
        "BMW_NOW",
        "BMW_DEFAULT_CHARGER",
        "BMW_FEED_INTERVAL",
        "--no-subprotocol",
        "BMW_NO_SUBPROTOCOL",
        "--heartbeat",
        "BMW_HEARTBEAT",
        "--public-read",
        "BMW_PUBLIC_READ",
        "createsuperuser",
        "resetsecondfactor",
        "BMW_LOG",
        "serve",
        "migrate",
        "import",
        "export",
        "demo",
    ] {
        assert!(help.contains(word), "{word}");
    }
}

/// Makes an administrator with a password from the standard input.
fn superuser(folder: &Path, name: &str, password: &str) -> Output {
    let mut command = bmw(folder, &["createsuperuser", "--username", name, "--password-stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may have ended before it reads.
    drop(writeln!(child.stdin.take().unwrap(), "{password}"));
    child.wait_with_output().unwrap()
}

#[test]
fn an_administrator_is_made_at_the_terminal_also_while_the_site_is_served() {
    const PASSWORD: &str = "kF9-wuz2-pQx-7";
    let folder = folder();
    let mut serving = Serving::start(folder.path(), &[]);
    let sign_in = |serving: &Serving| {
        let body = format!("username=Boss&password={PASSWORD}");
        let mut stream = TcpStream::connect(&serving.address).unwrap();
        write!(
            stream,
            "POST /api-token-auth/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(sign_in(&serving).starts_with("HTTP/1.1 400"));
    for (name, password, word) in [
        ("a b", PASSWORD, "--username"),
        ("terminal", PASSWORD, "the program's own"),
        ("boss", "short", "at least 10"),
        ("boss", "password1234", "too easily guessed"),
        ("boss", "", "at least 10"),
    ] {
        refused(&superuser(folder.path(), name, password), 2, word);
    }
    refused(&run(folder.path(), &["createsuperuser", "--username", "boss"]), 2, "--password-stdin");
    assert_eq!(done(&superuser(folder.path(), "boss", PASSWORD)), "the account boss was made");
    refused(&superuser(folder.path(), "BOSS", PASSWORD), 2, "exists already");
    let answer = sign_in(&serving);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("{\"token\":\""), "{answer}");
    // Who has lost his phone is helped here; what that does is told in the tests of accounts.
    let reset = |name: &str| run(folder.path(), &["resetsecondfactor", "--username", name]);
    for (name, word) in [("a b", "--username"), ("nobody", "no account nobody"), ("Boss", "has no second factor")] {
        refused(&reset(name), 2, word);
    }
    serving.terminate();
}

#[test]
fn the_demo_tells_its_account_once() {
    let folder = folder();
    let said = run(folder.path(), &["demo"]);
    let said = done(&said);
    let of = |said: &str| {
        said.lines().find_map(|line| line.strip_prefix("sign in as demo with the password ")).map(str::to_owned)
    };
    let first = of(said).unwrap();
    let mut child =
        bmw(folder.path(), &["--listen", "127.0.0.1:0", "--simulator"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let fresh = lines.by_ref().find_map(|line| of(&line.unwrap())).unwrap();
    assert_ne!(first, fresh);
    child.kill().unwrap();
    child.wait().unwrap();
    // With another account it is no mere demo any more.
    done(&superuser(folder.path(), "anna", "kF9-wuz2-pQx-7"));
    let mut child =
        bmw(folder.path(), &["--listen", "127.0.0.1:0", "--simulator"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let said = lines.find(|line| line.contains("demo")).unwrap();
    assert!(said.contains("the account demo has the password that it had"), "{said}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_site_goes_in_and_comes_out_again() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("site.json"), SITE_2015).unwrap();
    let said = run(folder.path(), &["import", &path("site.json")]);
    assert!(done(&said).contains("18 chargers") && done(&said).contains("34 sessions"), "{said:?}");
    done(&run(folder.path(), &["export", &path("a.json")]));
    done(&run(folder.path(), &["import", "--replace", &path("a.json")]));
    done(&run(folder.path(), &["export", &path("b.json")]));
    let (a, b) = (fs::read(path("a.json")).unwrap(), fs::read(path("b.json")).unwrap());
    assert_eq!(a, b);
    let standard = run(folder.path(), &["export", "-"]);
    assert_eq!(standard.stdout, a);
    let mut piped = bmw(folder.path(), &["import", "--replace", "-"]);
    let piped = piped.stdin(fs::File::open(path("a.json")).unwrap()).output().unwrap();
    assert!(done(&piped).contains("34 sessions"), "{piped:?}");

    // Behind a link its target is meant, which keeps its mode; what is no file is written into.
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
        let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("a.json"), 0o600, "card numbers are for the owner alone");
        fs::write(path("shared.json"), "").unwrap();
        fs::set_permissions(path("shared.json"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink(path("shared.json"), path("link.json")).unwrap();
        done(&run(folder.path(), &["export", &path("link.json")]));
        assert!(fs::symlink_metadata(path("link.json")).unwrap().is_symlink());
        assert_eq!((fs::read(path("shared.json")).unwrap(), mode("shared.json")), (a.clone(), 0o640));
        let pipe = path("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
        done(&run(folder.path(), &["export", &pipe]));
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(reader.wait_with_output().unwrap().stdout, a);
    }

    // Malformed files change nothing.
    for (file, word) in [
        ("", "broken.json"),
        ("{", "broken.json"),
        ("[]", "broken.json"),
        (r#"{"chargers":[{"vchchargerid":"x"}]}"#, "vchmodelid"),
        (r#"{"chargers":[],"chargers":[]}"#, "chargers"),
        (r#"{"charging_records":[{"intrecordid":1,"vchchargerid":"nobody","dblenergy":1}]}"#, "nobody"),
    ] {
        fs::write(path("broken.json"), file).unwrap();
        for arguments in [&["import"][..], &["import", "--replace"]] {
            refused(&run(folder.path(), &[arguments, &[&path("broken.json")]].concat()), 2, word);
        }
    }
    assert_eq!(run(folder.path(), &["export", "-"]).stdout, a);

    // Merged: what is there stays.
    fs::write(path("more.json"), SITE_2019).unwrap();
    done(&run(folder.path(), &["import", &path("more.json")]));
    let merged = run(folder.path(), &["export", "-"]).stdout;
    assert!(text(&merged).contains("10245006") && text(&merged).contains("05010210"));
}

#[test]
fn a_served_site_is_left_alone_by_others() {
    let folder = folder();
    let file = folder.path().join("site.json").display().to_string();
    fs::write(&file, SITE_2015).unwrap();
    done(&run(folder.path(), &["import", &file]));
    let mut serving = Serving::start(folder.path(), &["serve", "--now", "2015-12-28T12:00:00"]);
    assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"));
    assert!(serving.get("/api/charger/id/list").contains("10245006"));
    refused(&run(folder.path(), &["import", "--replace", &file]), 1, "in use");
    refused(&run(folder.path(), &["--listen", "127.0.0.1:0"]), 1, "in use");
    refused(&run(folder.path(), &["demo"]), 1, "in use");
    #[cfg(unix)]
    {
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(folder.path().join("bmw.db"), &link).unwrap();
        let link = format!("sqlite://{}", link.display());
        refused(&run(folder.path(), &["import", "--replace", &file, "--database-url", &link]), 1, "in use");
    }
    // Reading beside it is allowed.
    done(&run(folder.path(), &["export", "-"]));
    serving.terminate();
    done(&run(folder.path(), &["import", "--replace", &file]));
}

#[test]
fn a_taken_port_is_said_in_one_line() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&run(folder.path(), &["--listen", &address]), 1, &address);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no database may be made");
}

#[test]
fn a_new_site_is_served_at_once() {
    let folder = folder();
    let mut serving = Serving::start(folder.path(), &[]);
    assert!(serving.get("/healthz").contains("200 OK"));
    assert!(serving.get("/api/charger/id/list/").ends_with(r#"{"chargers":[]}"#));
    // A client that has a connection open does not keep it from ending.
    let open = TcpStream::connect(&serving.address).unwrap();
    // As when the terminal that it was started from is closed.
    serving.end_by("HUP");
    drop(open);
    let said = run(folder.path(), &["migrate"]);
    assert_eq!(done(&said), "the database is of this version");
}
