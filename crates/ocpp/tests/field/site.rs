//! A central system on a site of its own, behind a real socket.

use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use bmw_domain::charger::card::IdTag;
use bmw_domain::charger::{ChargePointNow, FindingKind};
use bmw_domain::record::{ChargePointKey, Identity, Transaction};
use bmw_ocpp::{Central, Options, Taken, Wire};
use bmw_site::{Arguments, Ask, Caller, Commands, FrameLog, Peer, Site, SiteOptions};
use bmw_store::{OpenOptions, Role, Store, Zone};
use bmw_testkit::charger::{Charger, PATIENCE};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Lets go of a stream that axum has served.
fn take_over(upgraded: Upgraded) -> Option<Taken> {
    let parts = downcast::<TokioIo<TcpStream>>(upgraded).ok()?;
    let place = Arc::new(Semaphore::new(1)).try_acquire_owned().ok()?;
    Some(Taken { stream: Wire::Plain(parts.io.into_inner()), early: parts.read_buf, place })
}

/// Notes from where a request comes, as the program's front does.
async fn with_peer(ConnectInfo(address): ConnectInfo<SocketAddr>, mut request: Request) -> Request {
    request.extensions_mut().insert(Peer::new(address.ip(), false));
    request
}

/// How a site is served.
pub struct Setup {
    pub ocpp: Options,
    pub site: SiteOptions,
    /// How long an effect is watched for, instead of as long as it may take.
    pub patience: Option<Duration>,
}

/// A served site. What serves it ends with the test's runtime.
pub struct Served {
    pub addr: SocketAddr,
    pub site: Arc<Site>,
    pub commands: Commands,
    pub store: Arc<dyn Store>,
    ending: Arc<watch::Sender<bool>>,
    work: Vec<JoinHandle<()>>,
    folder: TempDir,
}

impl Served {
    /// A site that takes in whoever comes.
    pub async fn open() -> Self {
        Self::start(|options| options.registers_unknown = true).await
    }

    pub async fn start(change: impl FnOnce(&mut Options)) -> Self {
        Self::set_up(|setup| change(&mut setup.ocpp)).await
    }

    pub async fn set_up(change: impl FnOnce(&mut Setup)) -> Self {
        Self::set_up_in(tempfile::tempdir().unwrap(), change).await
    }

    /// The same site as it is after the program was ended and started again.
    pub async fn restart(self, change: impl FnOnce(&mut Setup)) -> Self {
        self.ending.send_replace(true);
        self.site.links().close_all();
        for work in self.work {
            work.abort();
            // It was stopped, or has ended by itself.
            drop(work.await);
        }
        self.store.close().await;
        drop((self.store, self.site, self.commands));
        Self::set_up_in(self.folder, change).await
    }

    async fn set_up_in(folder: TempDir, change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup { ocpp: Options::default(), site: SiteOptions::default(), patience: None };
        setup.site.operator_id_tag = IdTag::new("OPERATOR").ok();
        change(&mut setup);
        let url = format!("sqlite://{}", folder.path().join("site.db").display());
        let options = OpenOptions { url, zone: Some(Zone::named("UTC").unwrap()), role: Role::Owner };
        let (store, _) = bmw_store::open(&options).await.unwrap();
        let (site, counter, desk) = Site::start(Arc::clone(&store), setup.site).await.unwrap();
        let desk = tokio::spawn(desk.work());
        let (frames, keeping) = FrameLog::new(Arc::clone(&site));
        let frame_log = tokio::spawn(keeping);
        let ending = Arc::new(watch::Sender::new(false));
        let commands = Commands::new(Arc::clone(&site), "OPERATOR", Arc::clone(&ending));
        let commands = setup.patience.into_iter().fold(commands, Commands::with_patience);
        commands.resume().await.unwrap();
        let runtime = Handle::current();
        let central =
            Central::new(Arc::clone(&site), counter, setup.ocpp, frames, runtime, take_over, Arc::clone(&ending));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = bmw_ocpp::router(central).layer(map_request(with_peer));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { addr, site, commands, store, ending, work: vec![serving, frame_log, desk], folder }
    }

    pub async fn plug_in(&self, identity: &str) -> Charger {
        Charger::plug_in(self.addr, identity).await.unwrap()
    }

    pub fn now(&self, identity: &str) -> Arc<ChargePointNow> {
        self.site.charge_point(Some(identity)).unwrap_or_else(|| panic!("{identity} is not known"))
    }

    pub fn key(&self, identity: &str) -> ChargePointKey {
        self.now(identity).key
    }

    pub async fn add(&self, identity: &str) {
        self.site.register_charge_point(Identity::new(identity).unwrap(), None).await.unwrap();
    }

    /// Waits until a charge point is so.
    pub async fn becomes(&self, identity: &str, what: &str, is_so: impl Fn(&ChargePointNow) -> bool) {
        let mut changed = self.site.subscribe();
        let waiting = async {
            loop {
                changed.mark_unchanged();
                if self.site.charge_point(Some(identity)).is_some_and(|now| is_so(&now)) {
                    return;
                }
                changed.changed().await.unwrap();
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "{identity} never was {what}: {:?}", self.now(identity));
    }

    /// All sessions of a charge point, by number.
    pub async fn sessions(&self, identity: &str) -> Vec<Transaction> {
        let filter = bmw_store::SessionFilter { charge_point: Some(self.key(identity)), ..Default::default() };
        let mut sessions = self.store.find_sessions(&filter, None, 10_000).await.unwrap().sessions;
        sessions.sort_by_key(|session| session.id);
        sessions
    }

    /// What an operator sees of a charge point, oldest first.
    pub async fn findings(&self, identity: &str) -> Vec<FindingKind> {
        let found = self.store.findings(Some(self.key(identity)), 10_000).await.unwrap();
        found.into_iter().rev().map(|finding| finding.kind).collect()
    }

    /// Gives a command, and its number.
    pub async fn command(&self, identity: &str, action: &str, arguments: serde_json::Value) -> i64 {
        let serde_json::Value::Object(arguments) = arguments else { panic!("{arguments}") };
        let arguments: Arguments = arguments;
        let action = bmw_domain::command::Action::from_name(action).unwrap();
        let ask = Ask { charge_point: self.key(identity), action, arguments, key: None };
        self.commands.give(ask, &Caller::terminal()).await.unwrap().id
    }

    /// Waits until a command has come so far, and gives its result.
    pub async fn command_becomes(&self, id: i64, state: bmw_domain::command::CommandState) -> Option<String> {
        let mut changed = self.site.subscribe();
        let waiting = async {
            loop {
                changed.mark_unchanged();
                let command = self.commands.find(id, &Caller::terminal()).await.unwrap().unwrap();
                if command.state == state {
                    return command.result;
                }
                changed.changed().await.unwrap();
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("command {id} never was {state:?}"))
    }
}
