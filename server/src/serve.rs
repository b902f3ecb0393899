//! Serving a site: from the database to the listening socket and back.

use crate::Failure;
use crate::config::Config;
use crate::connection::{self, Place};
use crate::front::{Door, Front};
use crate::limits::Limits;
use crate::redirect;
use crate::simulator;
use crate::tls::{Begun, Tls};
use crate::webhook;
use crate::yard::Yard;
use bmw_app::state::{AppState, Ending, Shutdown};
use bmw_domain::charger::card::IdTag;
use bmw_ocpp::{Central, Wire};
use bmw_simulator::Hands;
use bmw_site::{Access, Caller, Commands, Counter, FrameLog, Peer, Site, SiteOptions, Ticker};
use bmw_store::{OpenOptions, Opened, Role, Store};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

/// How many connections are served at once; more wait in the listening socket's queue.
const MOST_CONNECTIONS: usize = 20_000;
/// Files that are not connections: database, log, the program's own.
const OTHER_FILES: u64 = 200;
/// Of all places the part that is for charge points alone, where there is an address for them alone; and the part that those may
/// take who come to be led to HTTPS.
const CHARGE_POINTS_PART: usize = 8;
const REDIRECT_PART: usize = 16;
/// Each address to serve on holds a place for who comes next.
const LEAST_CONNECTIONS: usize = 16;
/// How many connections may wait for being taken.
const QUEUE: u32 = 4096;
/// How long answers may take to be sent when the program ends.
const GRACE: Duration = Duration::from_millis(2_500);
/// How long the last writes may take then.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// A site that is being served.
pub struct Running {
    /// Where.
    pub addr: SocketAddr,
    /// Where charge points alone are served.
    pub ocpp_addr: Option<SocketAddr>,
    /// Where all that is served is the way to HTTPS.
    pub redirect_addr: Option<SocketAddr>,
    /// The site.
    pub site: Arc<Site>,
    /// Who may do what.
    pub access: Arc<Access>,
    /// Where events are handed in that no connection tells.
    pub counter: Counter,
    store: Arc<dyn Store>,
    shutdown: Shutdown,
    /// Ends all that has not ended by itself.
    kill: watch::Sender<bool>,
    accepting: Vec<JoinHandle<()>>,
    yard: Yard,
    desk: JoinHandle<()>,
    frame_log: JoinHandle<()>,
}

/// Opens the database and serves the site in it.
///
/// # Errors
/// One clear line: the port is taken, the database is of a newer version, in use or out of reach.
pub async fn start(config: &Config) -> Result<Running, Failure> {
    // First the certificate and the ports: when they are not to be had, no database need be made.
    let tls = config.tls.as_ref().map(|tls| Tls::open(tls.files.clone())).transpose().map_err(Failure::usage)?;
    let (tls, seen) = tls.map(|(tls, seen)| (Arc::new(tls), seen)).unzip();
    let (listener, addr) = listen(&config.listen).await?;
    let (ocpp_listener, ocpp_addr) = listen_if(config.ocpp_listen.as_deref()).await?.unzip();
    let (redirect_listener, redirect_addr) = listen_if(config.redirect_listen()).await?.unzip();
    // The simulated charge points need not look at the program's own certificate.
    let inner = (config.simulator && tls.is_some()).then_some("127.0.0.1:0");
    let (inner_listener, inner_addr) = listen_if(inner).await?.unzip();
    let (store, opened) = open(config, Role::Owner).await?;
    report(&opened, &store);
    let options = SiteOptions {
        now: config.now,
        default_charge_point: config.default_charger.clone(),
        rejects_unknown_cards: config.rejects_unknown_cards,
        operator_id_tag: IdTag::new(&config.operator_id_tag).ok(),
        alert_times: config.alert_times,
        ticker: Ticker::default(),
    };
    let (site, counter, desk) = Site::start(Arc::clone(&store), options).await.map_err(Failure::failed)?;
    let access = Access::start(Arc::clone(&store), config.public_read).await.map_err(Failure::failed)?;
    let yard = Yard::start().map_err(Failure::failed)?;
    let desk = yard.handle().spawn(desk.work());
    let shutdown = Shutdown::default();
    let commands = Commands::new(Arc::clone(&site), &config.operator_id_tag, shutdown.sender());
    commands.resume().await.map_err(Failure::failed)?;
    let webhook = config.webhook.as_ref().map(|target| Arc::new(target.state()));
    set_to_work(&site, &shutdown);
    if let (Some(state), Some(target)) = (&webhook, &config.webhook) {
        webhook::start(Arc::clone(&site), Arc::clone(state), target.clone(), shutdown.subscribe())?;
    }
    let app = AppState {
        site: Arc::clone(&site),
        access: Arc::clone(&access),
        commands,
        feed: config.feed,
        has_simulator: config.simulator,
        public_url: config.public_url.clone(),
        webhook,
        shutdown: shutdown.clone(),
    };
    let (frames, keeping) = FrameLog::new(Arc::clone(&site));
    let frame_log = tokio::spawn(keeping);
    let central = Central::new(
        Arc::clone(&site),
        counter.clone(),
        config.ocpp.clone(),
        frames,
        yard.handle().clone(),
        connection::take_over,
        shutdown.sender(),
    );
    let limits = Limits::new(config.limits);
    let central = {
        let limits = Arc::clone(&limits);
        central.joined_within(Arc::new(move |address| limits.joining(address)))
    };
    let hands = config.simulator.then(Hands::default);
    if let Some(hands) = &hands {
        simulator::start(&site, inner_addr.unwrap_or(addr), hands.clone(), shutdown.subscribe_to_end());
    }
    let front = Front::new(app, central, hands, config.trusted_proxies.clone(), limits);
    let kill = watch::Sender::new(false);
    let mut accepting = Vec::new();
    if let (Some(tls), Some(seen)) = (&tls, seen) {
        accepting.push(tokio::spawn(Arc::clone(tls).keep_current(seen, shutdown.subscribe())));
    }
    let has_apart = ocpp_listener.is_some() || inner_listener.is_some();
    let places = Places::new(most_connections(), has_apart, redirect_listener.is_some());
    let open = |door, tls| Entrance::Open { front: front.clone(), door, tls };
    let ocpp_tls = tls.clone().filter(|_| config.tls.as_ref().is_some_and(|tls| !tls.ocpp_plain));
    for (listener, entrance) in [
        (Some(listener), open(Door::All, tls)),
        (ocpp_listener, open(Door::ChargePoints, ocpp_tls)),
        (redirect_listener, Entrance::ToTls { port: Some(addr.port()) }),
        (inner_listener, open(Door::ChargePoints, None)),
    ] {
        if let Some(listener) = listener {
            let places = places.of(&entrance);
            let work = accept(listener, front.clone(), entrance, places, shutdown.clone(), kill.subscribe());
            accepting.push(tokio::spawn(work));
        }
    }
    let running = Running {
        addr,
        ocpp_addr,
        redirect_addr,
        site,
        access,
        counter,
        store,
        shutdown,
        kill,
        accepting,
        yard,
        desk,
        frame_log,
    };
    running.warm_up();
    Ok(running)
}

/// Sets to work what the site does by itself.
fn set_to_work(site: &Arc<Site>, shutdown: &Shutdown) {
    tokio::spawn(Arc::clone(site).watch_alerts(shutdown.subscribe_to_end()));
    tokio::spawn(Arc::clone(site).distribute(shutdown.subscribe_to_end()));
}

/// Opens the database of a configuration.
///
/// # Errors
/// What is wrong with it.
pub async fn open(config: &Config, role: Role) -> Result<(Arc<dyn Store>, Opened), Failure> {
    let options = OpenOptions { url: config.database_url.clone(), zone: config.zone.clone(), role };
    let (store, opened) = bmw_store::open(&options).await.map_err(Failure::failed)?;
    if let Some(before) = &opened.zone_changed_from {
        let zone = |name: &str| serde_json::json!({ "zone": name }).to_string();
        let audit = Caller::terminal().entry("site.zone", zone(before), zone(store.zone().name()));
        store.add_audit(&audit).await.map_err(Failure::failed)?;
    }
    Ok((store, opened))
}

/// Tells what opening the database did.
pub fn report(opened: &Opened, store: &Arc<dyn Store>) {
    if opened.created {
        tracing::info!(zone = store.zone().name(), "a new database was made");
    }
    if let Some(before) = &opened.zone_changed_from {
        let now = store.zone().name();
        tracing::warn!("the site's time zone was changed from {before} to {now}; the sums by day were made anew");
    }
}

/// What is done at an address.
#[derive(Clone)]
enum Entrance {
    /// Answers; where there is TLS, by that alone.
    Open { front: Front, door: Door, tls: Option<Arc<Tls>> },
    /// Leads to TLS, at a port that may be another.
    ToTls { port: Option<u16> },
}

/// The places of connections: no more in all than there may be files, however many addresses are served.
struct Places {
    /// Where everybody is served.
    everybody: Arc<Semaphore>,
    /// For charge points at an address for them alone, so that those come in when all others are taken.
    charge_points: Arc<Semaphore>,
    /// For who is led to HTTPS.
    redirect: Arc<Semaphore>,
}

impl Places {
    fn new(most: usize, has_charge_points_apart: bool, has_redirect: bool) -> Self {
        let part = |is_there, part: usize| if is_there { (most / part).max(1) } else { 0 };
        let charge_points = part(has_charge_points_apart, CHARGE_POINTS_PART);
        let redirect = part(has_redirect, REDIRECT_PART);
        let everybody = most.saturating_sub(charge_points + redirect);
        let [everybody, charge_points, redirect] =
            [everybody, charge_points, redirect].map(|count| Arc::new(Semaphore::new(count)));
        Self { everybody, charge_points, redirect }
    }

    /// Those that an entrance takes its places of, the first of them first.
    fn of(&self, entrance: &Entrance) -> [Arc<Semaphore>; 2] {
        let [first, second] = match entrance {
            Entrance::Open { door: Door::All, .. } => [&self.everybody; 2],
            Entrance::Open { door: Door::ChargePoints, .. } => [&self.charge_points, &self.everybody],
            Entrance::ToTls { .. } => [&self.redirect; 2],
        };
        [first, second].map(Arc::clone)
    }
}

/// Waits for a place.
async fn take_place([first, second]: &[Arc<Semaphore>; 2]) -> Result<OwnedSemaphorePermit, AcquireError> {
    tokio::select! {
        biased;
        place = Arc::clone(first).acquire_owned() => place,
        place = Arc::clone(second).acquire_owned() => place,
    }
}

impl Entrance {
    const fn is_by_tls(&self) -> bool {
        matches!(self, Self::Open { tls: Some(_), .. })
    }
}

async fn listen_if(address: Option<&str>) -> Result<Option<(TcpListener, SocketAddr)>, Failure> {
    match address {
        Some(address) => listen(address).await.map(Some),
        None => Ok(None),
    }
}

async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::failed(format!("{address} is in use by another program")),
        _ => Failure::failed(format!("cannot listen on {address}: {error}")),
    };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(address).await.map_err(failed)?.collect();
    let mut outcome = Err(failed(io::Error::other("no such host")));
    for addr in addresses {
        outcome = bind(addr).and_then(|listener| listener.local_addr().map(|addr| (listener, addr))).map_err(failed);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for the last connections of the run before.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(QUEUE)
}

/// As many connections as there may be files.
fn most_connections() -> usize {
    let wanted = MOST_CONNECTIONS as u64 + OTHER_FILES;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(files) if files < wanted => {
            usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or_default().max(LEAST_CONNECTIONS)
        }
        Ok(_) => MOST_CONNECTIONS,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files cannot be read");
            512
        }
    }
}

async fn accept(
    listener: TcpListener,
    front: Front,
    entrance: Entrance,
    places: [Arc<Semaphore>; 2],
    shutdown: Shutdown,
    kill: watch::Receiver<bool>,
) {
    let mut ending = shutdown.subscribe();
    loop {
        let of_all = tokio::select! {
            place = take_place(&places) => place,
            () = ending.begun() => return,
        };
        // Closed never: the semaphores are ours.
        let Ok(of_all) = of_all else {
            return;
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    pause_after(&error).await;
                    continue;
                }
            },
            () = ending.begun() => return,
        };
        let Some(of_address) = front.admit(peer.ip()) else {
            tracing::debug!(%peer, "an address has as many connections as it may");
            if !entrance.is_by_tls() {
                refuse(stream);
            }
            continue;
        };
        let place = Place { of_all, of_address };
        let (entrance, ending, mut kill) = (entrance.clone(), shutdown.subscribe(), kill.clone());
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = serve(stream, place, peer, entrance, ending) => {}
                _ = kill.wait_for(|kill| *kill) => {}
            }
        });
    }
}

/// What who has too many connections is answered, where that is not by TLS.
const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\n\
    retry-after: 10\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 44\r\n\
    x-content-type-options: nosniff\r\n\
    content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\
    cache-control: no-store\r\n\
    connection: close\r\n\r\n\
    This address has too many connections open.\n";

/// Says so to who has too many connections, if that can be sent at once: nobody waits for him.
fn refuse(stream: TcpStream) {
    // By the system itself: the runtime does not know yet that a new one can be written to.
    let said = stream.into_std().and_then(|mut stream| stream.write(TOO_MANY));
    if let Err(error) = said {
        tracing::debug!(%error, "who has too many connections is not told");
    }
}

/// Serves a connection. What it may begin with is boxed: many connections idle.
async fn serve(stream: TcpStream, place: Place, peer: SocketAddr, entrance: Entrance, mut ending: Ending) {
    // An answer is one write: waiting for more would only delay it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection cannot be set to send at once");
    }
    let (front, door, tls) = match entrance {
        Entrance::Open { front, door, tls } => (front, door, tls),
        Entrance::ToTls { port } => return Box::pin(lead(stream, place, port, ending)).await,
    };
    let is_secure = tls.is_some();
    let stream = match tls {
        None => Wire::Plain(stream),
        Some(tls) => match Box::pin(begin(tls, stream, &mut ending)).await {
            Some(Begun::Secure(stream)) => stream,
            Some(Begun::Plain(stream)) => return Box::pin(lead(stream, place, None, ending)).await,
            None => return,
        },
    };
    let peer = Peer::new(peer.ip(), is_secure);
    connection::serve(stream, place, move |request| front.clone().answer(request, door, peer), ending).await;
}

async fn begin(tls: Arc<Tls>, stream: TcpStream, ending: &mut Ending) -> Option<Begun> {
    tokio::select! {
        begun = tls.begin(stream) => begun,
        () = ending.begun() => None,
    }
}

/// Leads who comes without TLS there.
async fn lead(stream: TcpStream, place: Place, port: Option<u16>, ending: Ending) {
    let answer = |request| std::future::ready(redirect::answer(&request, port));
    connection::serve(Wire::Plain(stream), place, answer, ending).await;
}

/// A connection that broke off before it was taken is nothing; being out of files needs time.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "a connection cannot be taken");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Running {
    /// The store.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// Reads the sums before somebody asks for them.
    fn warm_up(&self) {
        let site = Arc::clone(&self.site);
        let mut ending = self.shutdown.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                outcome = site.warm_up() => {
                    if let Err(error) = outcome {
                        tracing::warn!(%error, "the sums cannot be read yet");
                    }
                }
                () = ending.begun() => {}
            }
        });
    }

    /// Ends: takes no more connections, sends what is being answered, closes the database. Takes less than 5 s.
    pub async fn shutdown(self) {
        self.shutdown.begin();
        self.site.links().close_all();
        if tokio::time::timeout(GRACE, self.shutdown.all_gone()).await.is_err() {
            tracing::warn!("some connections did not end in time");
            self.kill.send_replace(true);
        }
        for accepting in self.accepting {
            accepting.abort();
        }
        // It ends when nobody can hand in anything any more.
        drop(self.counter);
        let last_writes = async { tokio::join!(self.desk, self.frame_log) };
        if tokio::time::timeout(LAST_WRITES, last_writes).await.is_err() {
            tracing::warn!("the last of what charge points told could not be stored in time");
        }
        self.yard.end();
        if tokio::time::timeout(Duration::from_secs(1), self.store.close()).await.is_err() {
            tracing::warn!("the database did not close in time");
        }
    }
}

/// Listens for the signal to end, from here on; what is given waits for it.
///
/// # Errors
/// When signals cannot be waited for.
#[cfg(unix)]
pub fn signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The terminal that it was started from is gone.
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}

/// Listens for the signal to end; what is given waits for it.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "signals cannot be waited for");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many places there are to take.
    fn take_all(of: &[Arc<Semaphore>; 2]) -> Vec<OwnedSemaphorePermit> {
        let mut taken = Vec::new();
        while let Some(Ok(place)) = futures::FutureExt::now_or_never(take_place(of)) {
            taken.push(place);
        }
        taken
    }

    #[test]
    fn places_are_those_of_all_addresses_together() {
        let to_tls = Entrance::ToTls { port: None };
        for (most, apart, redirect, expected) in [
            (1_600, true, true, [1_300, 200, 100]),
            (1_600, true, false, [1_400, 200, 0]),
            (1_600, false, true, [1_500, 0, 100]),
            (1_600, false, false, [1_600, 0, 0]),
            (LEAST_CONNECTIONS, true, true, [13, 2, 1]),
        ] {
            let places = Places::new(most, apart, redirect);
            let everybody = [&places.everybody; 2].map(Arc::clone);
            let charge_points = [&places.charge_points, &places.everybody].map(Arc::clone);
            let people = take_all(&everybody);
            let led = take_all(&places.of(&to_tls));
            let mut connected = take_all(&charge_points);
            assert_eq!([people.len(), connected.len(), led.len()], expected, "{most} {apart} {redirect}");
            assert!(take_all(&everybody).is_empty());
            // Charge points also take what others do not.
            drop(people);
            connected.extend(take_all(&charge_points));
            assert_eq!(connected.len() + led.len(), most);
            assert!(take_all(&everybody).is_empty());
        }
    }
}
