//! The command line.

use crate::Failure;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The command line of `bmw`.
#[derive(Debug, Parser)]
#[command(
    name = "bmw",
    version,
    about = "BMW, the open site controller for electric-vehicle charging",
    long_about = "BMW, the open site controller for electric-vehicle charging.\n\nWithout a command it serves the site. \
        Every command but simulate creates and migrates the database by itself when that is needed.",
    after_help = "These options, which all commands have in common, can also be given by the environment variables beside them. \
        An empty variable is the same as none; that of a switch, which takes no value here, is true or false."
)]
pub struct Cli {
    /// What to do; serve when it is left out.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How.
    #[command(flatten)]
    pub options: Options,
}

/// What `bmw` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the site: pages, documented interface, live feed (the default)
    Serve,
    /// Create the database or bring it to this version, and do nothing else
    Migrate,
    /// Make an account for an administrator, the first one or another
    #[command(name = "createsuperuser")]
    CreateSuperuser {
        /// Its name; asked for when it is left out
        #[arg(long, value_name = "NAME")]
        username: Option<String>,
        /// Read the password from the standard input, one line, instead of asking for it twice
        #[arg(long)]
        password_stdin: bool,
    },
    /// Take the second factor of an account away: for an administrator who has lost his phone and his recovery codes
    #[command(name = "resetsecondfactor")]
    ResetSecondFactor {
        /// The account's name
        #[arg(long, value_name = "NAME")]
        username: String,
    },
    /// Bring a site file into the database, all or nothing
    Import {
        /// Make the file the whole site, instead of merging it into what is there; accounts and the audit log stay
        #[arg(long)]
        replace: bool,
        /// The site file, JSON; `-` is the standard input
        file: PathBuf,
    },
    /// Write the whole site to a site file
    Export {
        /// The site file to write; `-` is the standard output
        file: PathBuf,
    },
    /// Simulate charge points that connect to a central system and charge cars, until it is interrupted
    Simulate {
        /// Where they connect; their identities are put behind it
        #[arg(long, default_value = "ws://127.0.0.1:8000/ocpp")]
        url: String,
        /// Where that is wss://…: the certificate in this file (PEM) is the root that the site's own must lead to
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
        /// How many; they are SIM0001 and so on
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
        chargers: u16,
        /// The same number makes the same behaviour
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How much faster than the clock their time goes, 0.01 to 3000; the times that they tell stay those of the clock
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
        /// The hour of the day that they begin at, such as 8.5, so that a run can be repeated [default: that of the clock]
        #[arg(long)]
        hour: Option<f64>,
        /// The password that each of them brings (OCPP security profile 1), until the site sends it another one. Give it by the variable:
        /// arguments are seen by everybody on the machine
        #[arg(long, env = "BMW_SIMULATE_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
        password: Option<String>,
    },
    /// Fill an empty database with a site to look at
    Demo {
        /// The same number makes the same site, relative to now
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

/// The options that all commands have in common. An empty value is the same as none.
#[derive(Debug, Default, Args)]
#[allow(clippy::doc_markdown)] // read in a terminal
#[allow(clippy::struct_excessive_bools)] // each is a switch of its own
pub struct Options {
    /// The database: sqlite://PATH or postgres://… [default: bmw.db in the user's data folder]
    #[arg(long, env = "BMW_DATABASE_URL", value_name = "URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,
    /// The address to serve on [default: 127.0.0.1:8000]
    #[arg(long, env = "BMW_LISTEN", value_name = "ADDRESS:PORT", global = true)]
    pub listen: Option<String>,
    /// By what address people reach the site, such as https://site.example, for the QR codes of the chargers [default: the one by
    /// which the sheet of codes is asked for]
    #[arg(long, env = "BMW_PUBLIC_URL", value_name = "URL", global = true)]
    pub public_url: Option<String>,
    /// Whether everybody on the site's network may read: true, or false to let only those in who sign in [default: true]
    #[arg(long, env = "BMW_PUBLIC_READ", value_name = "BOOL", global = true)]
    pub public_read: Option<String>,
    /// Serve with simulated charge points, those of the demo, and a page at /simulator/ to play with them; the demo's account
    /// has a fresh password then, which is printed, as long as it is the only account
    #[arg(long, env = "BMW_SIMULATOR", global = true, value_parser = switch)]
    pub simulator: bool,
    /// An address of its own for charge points; they are served on the other one too
    #[arg(long, env = "BMW_OCPP_LISTEN", value_name = "ADDRESS:PORT", global = true)]
    pub ocpp_listen: Option<String>,
    /// Serve by TLS, with the certificate in this file (PEM, with those that lead to its root behind it); it is read anew when it
    /// changes. Who comes by plain HTTP is led to HTTPS
    #[arg(long, env = "BMW_TLS_CERT", value_name = "FILE", global = true)]
    pub tls_cert: Option<String>,
    /// The private key of that certificate (PEM, without a password)
    #[arg(long, env = "BMW_TLS_KEY", value_name = "FILE", global = true)]
    pub tls_key: Option<String>,
    /// Another address, such as 0.0.0.0:80, where all that is served is the way to HTTPS at the port of --listen
    #[arg(long, env = "BMW_REDIRECT_LISTEN", value_name = "ADDRESS:PORT", global = true)]
    pub redirect_listen: Option<String>,
    /// Serve charge points at --ocpp-listen without TLS, those of a closed network that do not speak it (security profiles 0 and 1)
    #[arg(long, env = "BMW_OCPP_PLAIN", global = true, value_parser = switch)]
    pub ocpp_plain: bool,
    /// The reverse proxies that are believed for whom they ask (X-Forwarded-For, X-Forwarded-Proto, Forwarded): IP addresses and
    /// networks such as 10.0.0.0/8, with commas between [default: none]
    #[arg(long, env = "BMW_TRUSTED_PROXIES", value_name = "LIST", global = true)]
    pub trusted_proxies: Option<String>,
    /// Take in charge points that nobody knows, instead of letting them ask to join
    #[arg(long, env = "BMW_REGISTER_UNKNOWN", global = true, value_parser = switch)]
    pub register_unknown: bool,
    /// The OCPP security profile that every charge point needs at least: 0, where those that have a password must bring it and others
    /// come without; 1, where each needs a password; 2, where each needs a password and TLS [default: 0]
    #[arg(long, env = "BMW_OCPP_SECURITY", value_name = "PROFILE", global = true)]
    pub ocpp_security: Option<String>,
    /// Let a charge point that has no password keep the one that it brings. Off by default: whoever came first under its name would
    /// have the name, and shut the charge point itself out. Switch it on while you put up the chargers, on a network that is your own
    #[arg(long, env = "BMW_OCPP_FIRST_USE", global = true, value_parser = switch)]
    pub ocpp_first_use: bool,
    /// What to do with charge points that offer no subprotocol: accept them as OCPP 1.6 or reject them [default: accept]
    #[arg(long, env = "BMW_NO_SUBPROTOCOL", value_name = "WHAT", global = true)]
    pub no_subprotocol: Option<String>,
    /// How often charge points give a sign of life, seconds; three times without one is the end of a connection [default: 60]
    #[arg(long, env = "BMW_HEARTBEAT", value_name = "SECONDS", global = true)]
    pub heartbeat: Option<String>,
    /// What to do with cards that nobody has entered: accept or reject [default: accept]
    #[arg(long, env = "BMW_UNKNOWN_CARDS", value_name = "WHAT", global = true)]
    pub unknown_cards: Option<String>,
    /// The card of sessions that an operator starts [default: OPERATOR]
    #[arg(long, env = "BMW_OPERATOR_ID_TAG", value_name = "CARD", global = true)]
    pub operator_id_tag: Option<String>,
    /// The site's time zone, such as Asia/Shanghai [default: the stored one; for a new site the machine's]
    #[arg(long, env = "BMW_TIMEZONE", value_name = "NAME", global = true)]
    pub timezone: Option<String>,
    /// A local time at which the site's clock stands still, such as 2015-12-28T12:00:00, for reproducible tests
    #[arg(long, env = "BMW_NOW", value_name = "TIME", global = true)]
    pub now: Option<String>,
    /// The charger to show when none was chosen [default: the one with the newest contact]
    #[arg(long, env = "BMW_DEFAULT_CHARGER", value_name = "ID", global = true)]
    pub default_charger: Option<String>,
    /// How often the live feed repeats an unchanged state, seconds [default: 180]
    #[arg(long, env = "BMW_FEED_INTERVAL", value_name = "SECONDS", global = true)]
    pub feed_interval: Option<String>,
    /// How many requests a client may send in a second, and ten times that at once; to change something or to download
    /// records counts as 10, to sign in or to change a password as 40. 0 is without a limit [default: 200]
    #[arg(long, env = "BMW_LIMIT_REQUESTS", value_name = "NUMBER", global = true)]
    pub limit_requests: Option<String>,
    /// How many connections an address may have open, charge points aside, and a tenth of that to follow the live feed; not of
    /// trusted proxies. 0 is without a limit [default: 2000]
    #[arg(long, env = "BMW_LIMIT_CONNECTIONS", value_name = "NUMBER", global = true)]
    pub limit_connections: Option<String>,
    /// Where alerts are told to, by POST: http://… or https://… [default: nowhere]
    #[arg(long, env = "BMW_ALERT_WEBHOOK", value_name = "URL", global = true, hide_env_values = true)]
    pub alert_webhook: Option<String>,
    /// What that is signed with (HMAC-SHA256). Give it by the variable: arguments are seen by everybody on the machine
    #[arg(long, env = "BMW_ALERT_WEBHOOK_SECRET", value_name = "SECRET", global = true, hide_env_values = true)]
    pub alert_webhook_secret: Option<String>,
    /// How long a charge point must be faulted to be an alert, seconds [default: 120]
    #[arg(long, env = "BMW_ALERT_FAULT_AFTER", value_name = "SECONDS", global = true)]
    pub alert_fault_after: Option<String>,
    /// How long contact with a charge point must be lost to be an alert, seconds [default: 240]
    #[arg(long, env = "BMW_ALERT_OFFLINE_AFTER", value_name = "SECONDS", global = true)]
    pub alert_offline_after: Option<String>,
    /// How long a phase must be at its limit to be an alert, seconds [default: 60]
    #[arg(long, env = "BMW_ALERT_OVERLOAD_AFTER", value_name = "SECONDS", global = true)]
    pub alert_overload_after: Option<String>,
    /// What to log on the standard error, such as debug or info,bmw_app=debug [default: info]
    #[arg(long, env = "BMW_LOG", value_name = "FILTER", global = true)]
    pub log: Option<String>,
}

/// What the environment says of a switch; empty it says nothing.
fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" => Ok(true),
        "" | "false" => Ok(false),
        _ => Err("it is neither true nor false"),
    }
}

/// What clap found wrong, in one line.
pub fn failure(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let lines = text.lines().map(str::trim);
    let said: Vec<&str> =
        lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information")).collect();
    Failure::usage(format!("{}; see bmw --help", said.join(" ").trim().trim_start_matches("error: ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_use_is_said_in_one_line() {
        for (arguments, word) in [
            (&["bmw", "--nonsense"][..], "--nonsense"),
            (&["bmw", "import"], "<FILE>"),
            (&["bmw", "demo", "--seed", "x"], "--seed"),
            (&["bmw", "dance"], "dance"),
            (&["bmw", "simulate", "--chargers", "0"], "--chargers"),
            (&["bmw", "--simulator=true"], "--simulator"),
        ] {
            let failure = failure(&Cli::try_parse_from(arguments).unwrap_err());
            assert_eq!(failure.status(), 2);
            assert!(failure.to_string().contains(word), "{failure}");
            assert!(!failure.to_string().contains('\n'));
        }
    }

    #[test]
    fn a_switch_is_true_or_false_and_empty_it_is_neither() {
        assert_eq!(["true", "false", ""].map(switch), [Ok(true), Ok(false), Ok(false)]);
        for wrong in ["yes", "1", "True", " "] {
            assert!(switch(wrong).is_err(), "{wrong:?}");
        }
        let cli = Cli::try_parse_from(["bmw", "--simulator", "serve", "--ocpp-first-use"]).unwrap();
        assert!(cli.options.simulator && cli.options.ocpp_first_use);
        assert!(!cli.options.register_unknown && !cli.options.ocpp_plain);
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        for arguments in [["bmw", "--listen", "a:1", "serve"], ["bmw", "serve", "--listen", "a:1"]] {
            let cli = Cli::try_parse_from(arguments).unwrap();
            assert_eq!(cli.options.listen.as_deref(), Some("a:1"));
        }
    }
}
