//! What the options mean.

use crate::Failure;
use crate::cli::Options;
use crate::limits::Bounds;
use crate::peer::Proxies;
use crate::tls;
use crate::webhook::Target;
use bmw_app::on_site::Origin;
use bmw_app::state::FeedTimes;
use bmw_domain::alert::Times;
use bmw_domain::calendar::LocalTime;
use bmw_domain::charger::card::IdTag;
use bmw_domain::decimal;
use bmw_domain::record::Identity;
use bmw_ocpp::Profile;
use bmw_store::Zone;
use std::fmt;
use std::time::Duration;

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    /// `sqlite://PATH` or `postgres://…`
    pub database_url: String,
    /// Where to listen, `HOST:PORT`.
    pub listen: String,
    /// Where charge points alone are served, `HOST:PORT`.
    pub ocpp_listen: Option<String>,
    /// How it is served by TLS; `None`: by HTTP.
    pub tls: Option<tls::Options>,
    /// The proxies whose word on their clients is believed.
    pub trusted_proxies: Proxies,
    /// By what address people reach the site, where it is not the one by which they ask.
    pub public_url: Option<Origin>,
    /// Whether everybody on the site's network may read.
    pub public_read: bool,
    /// Whether simulated charge points are served with.
    pub simulator: bool,
    /// What the central system needs to know.
    pub ocpp: bmw_ocpp::Options,
    /// Whether cards that nobody has entered may not charge.
    pub rejects_unknown_cards: bool,
    /// The card of an operator's start.
    pub operator_id_tag: String,
    /// The zone asked for.
    pub zone: Option<Zone>,
    /// A clock that stands still.
    pub now: Option<LocalTime>,
    /// The charger to show when none was chosen.
    pub default_charger: Option<String>,
    /// The times of the live feed.
    pub feed: FeedTimes,
    /// How much one client may take.
    pub limits: Bounds,
    /// How long something must last to be an alert.
    pub alert_times: Times,
    /// Where alerts are told to.
    pub webhook: Option<Target>,
    /// What to log.
    pub log: String,
}

impl fmt::Debug for Config {
    /// Without the database's URL: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("listen", &self.listen).field("zone", &self.zone).finish_non_exhaustive()
    }
}

impl Config {
    /// The address that leads to HTTPS and serves nothing else.
    pub fn redirect_listen(&self) -> Option<&str> {
        self.tls.as_ref()?.redirect_listen.as_deref()
    }

    /// The defaults with a database.
    pub fn new(database_url: impl Into<String>) -> Self {
        Self {
            database_url: database_url.into(),
            listen: "127.0.0.1:8000".to_owned(),
            ocpp_listen: None,
            tls: None,
            trusted_proxies: Proxies::default(),
            public_url: None,
            public_read: true,
            simulator: false,
            ocpp: bmw_ocpp::Options::default(),
            rejects_unknown_cards: false,
            operator_id_tag: "OPERATOR".to_owned(),
            zone: None,
            now: None,
            default_charger: None,
            feed: FeedTimes::default(),
            limits: Bounds::default(),
            alert_times: Times::default(),
            webhook: None,
            log: "info,hyper=warn,sqlx=warn".to_owned(),
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// Which option is wrong, and why.
    pub fn read(options: Options) -> Result<Self, Failure> {
        let mut config = Self::new(match given(options.database_url) {
            Some(url) => url,
            None => default_database_url()?,
        });
        if let Some(listen) = given(options.listen) {
            check_address("--listen", &listen)?;
            config.listen = listen;
        }
        if let Some(listen) = given(options.ocpp_listen) {
            check_address("--ocpp-listen", &listen)?;
            config.ocpp_listen = Some(listen);
        }
        if options.ocpp_plain && config.ocpp_listen.is_none() {
            return Err(Failure::usage("--ocpp-plain: there is no --ocpp-listen that it could be about"));
        }
        let redirect_listen = given(options.redirect_listen);
        if let Some(listen) = &redirect_listen {
            check_address("--redirect-listen", listen)?;
        }
        let files = tls_files(given(options.tls_cert), given(options.tls_key))?;
        if redirect_listen.is_some() && files.is_none() {
            return Err(Failure::usage("--redirect-listen: it leads to HTTPS, which needs --tls-cert and --tls-key"));
        }
        config.tls = files.map(|files| tls::Options { files, redirect_listen, ocpp_plain: options.ocpp_plain });
        if let Some(list) = given(options.trusted_proxies) {
            let list = Proxies::parse(&list);
            config.trusted_proxies = list.map_err(|error| Failure::usage(format!("--trusted-proxies: {error}")))?;
        }
        if let Some(url) = given(options.public_url) {
            let origin = Origin::parse(&url);
            config.public_url =
                Some(origin.map_err(|error| Failure::usage(format!("--public-url: {url:?}: {error}")))?);
        }
        config.public_read = match given(options.public_read).as_deref() {
            None | Some("true") => true,
            Some("false") => false,
            Some(other) => return Err(Failure::usage(format!("--public-read: {other:?} is neither true nor false"))),
        };
        config.simulator = options.simulator;
        config.ocpp.registers_unknown = options.register_unknown;
        config.ocpp.first_use = options.ocpp_first_use;
        config.ocpp.profile = match given(options.ocpp_security).as_deref() {
            None | Some("0") => Profile::Open,
            Some("1") => Profile::Password,
            Some("2") => Profile::PasswordOverTls,
            Some(other) => return Err(Failure::usage(format!("--ocpp-security: {other:?} is none of 0, 1 and 2"))),
        };
        if config.simulator && config.ocpp.profile.needs_password() {
            let text = "--ocpp-security: the charge points of --simulator have no passwords; leave it at 0 with them";
            return Err(Failure::usage(text));
        }
        config.ocpp.needs_subprotocol = rejects("--no-subprotocol", options.no_subprotocol)?;
        if let Some(seconds) = given(options.heartbeat) {
            config.ocpp.heartbeat = heartbeat(&seconds)?;
        }
        config.rejects_unknown_cards = rejects("--unknown-cards", options.unknown_cards)?;
        if let Some(tag) = given(options.operator_id_tag) {
            IdTag::new(&tag).map_err(|error| Failure::usage(format!("--operator-id-tag: {error}")))?;
            config.operator_id_tag = tag;
        }
        if let Some(name) = given(options.timezone) {
            let zone = Zone::named(&name).map_err(|error| Failure::usage(format!("--timezone: {error}")))?;
            config.zone = Some(zone);
        }
        if let Some(now) = given(options.now) {
            let time = LocalTime::parse(&now);
            config.now = Some(time.ok_or_else(|| {
                Failure::usage(format!("--now: {now:?} is not a local time such as 2015-12-28T12:00:00"))
            })?);
        }
        if let Some(identity) = given(options.default_charger) {
            Identity::new(&identity).map_err(|error| Failure::usage(format!("--default-charger: {error}")))?;
            config.default_charger = Some(identity);
        }
        if let Some(seconds) = given(options.feed_interval) {
            config.feed.interval = interval(&seconds)?;
        }
        if let Some(number) = given(options.limit_requests) {
            config.limits.requests = limit("--limit-requests", &number)?;
        }
        if let Some(number) = given(options.limit_connections) {
            config.limits.connections = limit("--limit-connections", &number)?;
        }
        config.alert_times =
            alert_times([options.alert_fault_after, options.alert_offline_after, options.alert_overload_after])?;
        config.webhook = webhook(given(options.alert_webhook), given(options.alert_webhook_secret))?;
        if let Some(log) = given(options.log) {
            config.log = log;
        }
        Ok(config)
    }
}

/// A value, unless it is empty: an empty environment variable says nothing.
fn given(value: Option<String>) -> Option<String> {
    value.filter(|value| !value.is_empty())
}

fn check_address(option: &str, listen: &str) -> Result<(), Failure> {
    let port = listen.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(_)) => Ok(()),
        _ => Err(Failure::usage(format!("{option}: {listen:?} is not an address and port such as 127.0.0.1:8000"))),
    }
}

/// Both files or none.
fn tls_files(certificate: Option<String>, key: Option<String>) -> Result<Option<tls::Files>, Failure> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(tls::Files { certificate: certificate.into(), key: key.into() })),
        (Some(_), None) => Err(Failure::usage("--tls-cert: it needs its private key, --tls-key")),
        (None, Some(_)) => Err(Failure::usage("--tls-key: it needs its certificate, --tls-cert")),
    }
}

/// Whether something is rejected; without a word it is accepted.
fn rejects(option: &str, value: Option<String>) -> Result<bool, Failure> {
    match given(value).as_deref() {
        None | Some("accept") => Ok(false),
        Some("reject") => Ok(true),
        Some(other) => Err(Failure::usage(format!("{option}: {other:?} is neither accept nor reject"))),
    }
}

/// Charge points are told whole seconds (OCPP 1.6, 6.6 `BootNotification.conf`).
fn heartbeat(text: &str) -> Result<Duration, Failure> {
    let seconds = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Failure::usage(format!("--heartbeat: {text:?} is not a whole number of seconds from 1 to 86400"))
    })
}

fn interval(text: &str) -> Result<Duration, Failure> {
    let seconds = decimal::parse_finite(text).ok().filter(|seconds| (0.1..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| {
        Failure::usage(format!("--feed-interval: {text:?} is not a number of seconds from 0.1 to 86400"))
    })
}

/// How long a fault, lost contact and an overload must last.
fn alert_times([fault, offline, overload]: [Option<String>; 3]) -> Result<Times, Failure> {
    let mut times = Times::default();
    for (option, value, time) in [
        ("--alert-fault-after", fault, &mut times.fault),
        ("--alert-offline-after", offline, &mut times.offline),
        ("--alert-overload-after", overload, &mut times.overload),
    ] {
        if let Some(seconds) = given(value) {
            *time = lasting(option, &seconds)?;
        }
    }
    Ok(times)
}

/// Where alerts are told to. What is wrong is said without a word of the address: it may hold a secret.
fn webhook(address: Option<String>, secret: Option<String>) -> Result<Option<Target>, Failure> {
    match address {
        Some(address) => Target::read(&address, secret)
            .map(Some)
            .map_err(|error| Failure::usage(format!("--alert-webhook: {error}"))),
        None if secret.is_some() => {
            Err(Failure::usage("--alert-webhook-secret: there is no --alert-webhook that it could sign for"))
        }
        None => Ok(None),
    }
}

/// How long something must last, ms.
fn lasting(option: &str, text: &str) -> Result<i64, Failure> {
    let seconds = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
    let seconds: i64 = seconds.ok_or_else(|| {
        Failure::usage(format!("{option}: {text:?} is not a whole number of seconds from 1 to 86400"))
    })?;
    Ok(seconds * 1_000)
}

fn limit(option: &str, text: &str) -> Result<u32, Failure> {
    let number = text.parse().ok().filter(|number| *number <= Bounds::MOST);
    number.ok_or_else(|| Failure::usage(format!("{option}: {text:?} is not a whole number from 0 to {}", Bounds::MOST)))
}

/// A file in the user's data folder, which is created.
fn default_database_url() -> Result<String, Failure> {
    let folders = directories::ProjectDirs::from("", "", "bmw")
        .ok_or_else(|| Failure::failed("there is no home folder for the database; give --database-url"))?;
    let folder = folders.data_dir();
    std::fs::create_dir_all(folder).map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))?;
    Ok(format!("sqlite://{}", folder.join("bmw.db").display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: impl FnOnce(&mut Options)) -> Result<Config, Failure> {
        let mut options = Options { database_url: Some("sqlite://x".to_owned()), ..Options::default() };
        change(&mut options);
        Config::read(options)
    }

    #[test]
    fn wrong_options_are_named() {
        type Change = fn(&mut Options, String);
        let cases: [(&str, Change, &[&str]); 25] = [
            ("--listen", |options, value| options.listen = Some(value), &["8000", ":8000", "a:b", "127.0.0.1:70000"]),
            ("--public-read", |options, value| options.public_read = Some(value), &["yes", "0", "False", "no"]),
            ("--ocpp-listen", |options, value| options.ocpp_listen = Some(value), &["9000", "a:b"]),
            ("--tls-cert", |options, value| options.tls_cert = Some(value), &["cert.pem"]),
            ("--tls-key", |options, value| options.tls_key = Some(value), &["key.pem"]),
            ("--redirect-listen", |options, value| options.redirect_listen = Some(value), &["80", "0.0.0.0:80"]),
            ("--ocpp-plain", |options, value| options.ocpp_plain = value == "true", &["true"]),
            (
                "--trusted-proxies",
                |options, value| options.trusted_proxies = Some(value),
                &["proxy", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.1 10.0.0.2", "10.0.0.1,"],
            ),
            (
                "--public-url",
                |options, value| options.public_url = Some(value),
                &[
                    "site.example",
                    "ftp://site.example",
                    "https://",
                    "https://site.example/bmw",
                    "https://a@site.example",
                ],
            ),
            ("--ocpp-security", |options, value| options.ocpp_security = Some(value), &["3", "-1", "tls", "01"]),
            ("--operator-id-tag", |options, value| options.operator_id_tag = Some(value), &["123456789012345678901"]),
            ("--no-subprotocol", |options, value| options.no_subprotocol = Some(value), &["maybe", "Reject"]),
            ("--heartbeat", |options, value| options.heartbeat = Some(value), &["0", "-1", "1.5", "86401", "x"]),
            ("--unknown-cards", |options, value| options.unknown_cards = Some(value), &["maybe", "Accept"]),
            ("--timezone", |options, value| options.timezone = Some(value), &["Moon/Crater"]),
            ("--now", |options, value| options.now = Some(value), &["today", "2015-12-28", "2015-12-28T12:00:00Z"]),
            ("--default-charger", |options, value| options.default_charger = Some(value), &["a\nb"]),
            ("--feed-interval", |options, value| options.feed_interval = Some(value), &["0", "-1", "nan", "1e9", "x"]),
            (
                "--alert-webhook:",
                |options, value| options.alert_webhook = Some(value),
                &["hooks.example.com", "ftp://a/", "https://user:pass@a/"],
            ),
            ("--alert-webhook-secret", |options, value| options.alert_webhook_secret = Some(value), &["secret"]),
            ("--alert-fault-after", |options, value| options.alert_fault_after = Some(value), &["0", "1.5", "86401"]),
            ("--alert-offline-after", |options, value| options.alert_offline_after = Some(value), &["0", "-1", "x"]),
            ("--alert-overload-after", |options, value| options.alert_overload_after = Some(value), &["0", "1e3"]),
            ("--limit-requests", |options, value| options.limit_requests = Some(value), &["-1", "1.5", "1000001", "x"]),
            ("--limit-connections", |options, value| options.limit_connections = Some(value), &["-1", "none", "1e3"]),
        ];
        for (option, change, values) in cases {
            for value in values {
                let failure = read(|options| change(options, (*value).to_owned())).unwrap_err();
                assert_eq!(failure.status(), 2);
                assert!(failure.to_string().starts_with(option), "{failure}");
            }
        }
    }

    #[test]
    fn the_central_system_is_told_what_was_given() {
        let told = |what: &str, seconds: &str| {
            let config = read(|options| {
                options.no_subprotocol = Some(what.to_owned());
                options.heartbeat = Some(seconds.to_owned());
            });
            let ocpp = config.unwrap().ocpp;
            (ocpp.needs_subprotocol, ocpp.heartbeat.as_secs())
        };
        assert_eq!(told("", ""), (false, 60));
        assert_eq!(told("accept", "1"), (false, 1));
        assert_eq!(told("reject", "86400"), (true, 86_400));
    }

    #[test]
    fn limits_are_as_they_were_given() {
        let given = |requests: &str, connections: &str| {
            let config = read(|options| {
                options.limit_requests = Some(requests.to_owned());
                options.limit_connections = Some(connections.to_owned());
            });
            config.unwrap().limits
        };
        assert_eq!(given("", ""), Bounds::default());
        assert_eq!(given("0", "0"), Bounds::NONE);
        assert_eq!(given("50", "1000000"), Bounds { requests: 50, connections: 1_000_000 });
    }

    #[test]
    fn profiles_of_security_are_told_and_not_for_simulated_charge_points() {
        let told = |profile: &str, simulator| {
            let config = read(|options| {
                options.ocpp_security = Some(profile.to_owned());
                options.simulator = simulator;
            });
            config.map(|config| config.ocpp.profile)
        };
        for (profile, expected) in
            [("", Profile::Open), ("0", Profile::Open), ("1", Profile::Password), ("2", Profile::PasswordOverTls)]
        {
            assert_eq!(told(profile, false).unwrap(), expected, "{profile}");
        }
        assert!(told("0", true).is_ok());
        assert!(told("1", true).unwrap_err().to_string().starts_with("--ocpp-security"));
    }

    #[test]
    fn what_is_an_alert_when_and_where_it_is_told() {
        let config = read(|options| {
            options.alert_offline_after = Some("5".to_owned());
            options.alert_webhook = Some("https://hooks.example.com/x".to_owned());
            options.alert_webhook_secret = Some("secret".to_owned());
        })
        .unwrap();
        assert_eq!(config.alert_times, Times { offline: 5_000, ..Times::default() });
        assert!(!format!("{:?} {config:?}", config.webhook).contains("secret"));
    }

    #[test]
    fn an_empty_value_is_none() {
        let config = read(|options| {
            options.listen = Some(String::new());
            options.timezone = Some(String::new());
            options.now = Some(String::new());
            options.default_charger = Some(String::new());
            options.feed_interval = Some(String::new());
            options.log = Some(String::new());
        })
        .unwrap();
        assert_eq!((config.listen.as_str(), config.feed.interval.as_secs()), ("127.0.0.1:8000", 180));
        assert!(config.zone.is_none() && config.now.is_none() && config.default_charger.is_none());
    }
}
