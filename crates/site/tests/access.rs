//! Who gets in: the second factor, one sign-in in the place of another, and changes that somebody has not waited for.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are tests

use bmw_domain::account::{AccountFault, AccountKey, Role as AccountRole};
use bmw_site::access::{
    Access, AccessError, Credentials, Entered, NewOwnToken, OwnFactor, Proof, Secret, SignedIn, Visitor,
};
use bmw_site::{Caller, Clock};
use bmw_store::{OpenOptions, Role, Store, Zone};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use totp_rs::{Builder, Secret as Shared};

const PASSWORD: &str = "kF9-wuz2-pQx-7";
const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const VISITOR: Visitor<'static> = Visitor { address: ADDRESS, device: None, before: None, user_agent: "" };

/// What somebody proves himself by once more.
const fn proof<'a>(password: &'a str, code: &'a str) -> Proof<'a> {
    Proof { password, code, visitor: VISITOR }
}

/// How long what must come may take.
const PATIENCE: Duration = Duration::from_mins(1);

struct Door {
    access: Arc<Access>,
    store: Arc<dyn Store>,
    anna: AccountKey,
    _folder: tempfile::TempDir,
}

impl Door {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("site.db").display());
        let options = OpenOptions { url, zone: Some(Zone::named("UTC").unwrap()), role: Role::Owner };
        let (store, _) = bmw_store::open(&options).await.unwrap();
        let access = Access::start(store.clone(), true).await.unwrap();
        let add = async |name| access.add_account(&Caller::terminal(), name, PASSWORD, AccountRole::Operator).await;
        let anna = add("anna").await.unwrap();
        add("bob").await.unwrap();
        Self { access, store, anna, _folder: folder }
    }

    /// Signs in where no code is asked for.
    async fn sign_in(&self, name: &str, visitor: Visitor<'_>) -> SignedIn {
        match self.access.sign_in(name, PASSWORD, visitor).await.unwrap() {
            Entered::In(signed_in) => signed_in,
            Entered::Code(_) => panic!("a code is asked for"),
        }
    }

    /// Signs in where a code is asked for.
    async fn begin(&self) -> Secret {
        match self.access.sign_in("anna", PASSWORD, VISITOR).await.unwrap() {
            Entered::In(_) => panic!("no code is asked for"),
            Entered::Code(awaited) => awaited.secret,
        }
    }

    fn caller(&self, signed_in: &SignedIn) -> Caller {
        self.access.identify(Credentials::Cookie(signed_in.secret.as_str()), ADDRESS).unwrap()
    }

    /// Turns on anna's second factor: who she is, what her app knows, and her recovery codes. The code of this moment is used.
    async fn with_factor(&self) -> (Caller, App, Vec<String>) {
        let caller = self.caller(&self.sign_in("anna", VISITOR).await);
        let caller = self.caller(&self.access.begin_second_factor(&caller, VISITOR).await.unwrap());
        let OwnFactor::Begun(setup) = self.access.second_factor(&caller).await.unwrap() else { panic!("it has begun") };
        let app = App(setup.secret);
        // The code before, so that those of now and after are still good.
        let on = self.access.turn_on_second_factor(&caller, proof(PASSWORD, &app.code(-1))).await;
        let (codes, signed_in) = on.unwrap();
        (self.caller(&signed_in), app, codes.iter().map(|code| code.as_str().to_owned()).collect())
    }

    async fn actions(&self) -> Vec<String> {
        self.store.audit_log(100).await.unwrap().into_iter().rev().map(|entry| entry.action).collect()
    }
}

/// An app on a phone.
struct App(String);

impl App {
    /// The code of a step from this one.
    fn code(&self, steps: i64) -> String {
        let totp = Builder::new().with_secret(Shared::try_from_base32(&self.0).unwrap()).build().unwrap();
        totp.generate(u64::try_from(Clock::real().0 / 1000 + 30 * steps).unwrap()).to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_turned_on_asked_for_and_turned_off() {
    let door = Door::open().await;
    let elsewhere = door.caller(&door.sign_in("anna", VISITOR).await);
    let (caller, app, codes) = door.with_factor().await;
    assert_eq!(codes.len(), 10);
    assert!(door.access.still_holds(&caller) && !door.access.still_holds(&elsewhere), "others have proven less");
    let secret = door.begin().await;
    assert!(door.access.awaits_code(secret.as_str()) && !door.access.awaits_code("x"));
    let by_cookie = door.access.identify(Credentials::Cookie(secret.as_str()), ADDRESS).unwrap();
    assert!(by_cookie.who().is_none(), "who owes a code is nobody");
    let signed_in = door.access.enter_code(secret.as_str(), &app.code(0), VISITOR).await.unwrap();
    assert!(door.caller(&signed_in).who().is_some());
    let again = door.access.enter_code(secret.as_str(), &app.code(1), VISITOR).await;
    assert!(matches!(again, Err(AccessError::Again)), "it is no more: {again:?}");
    // A code is good once, and none before it any more.
    let secret = door.begin().await;
    for code in [app.code(0), app.code(-1), "000000".to_owned(), String::new()] {
        let used = door.access.enter_code(secret.as_str(), &code, VISITOR).await;
        assert!(matches!(used, Err(AccessError::WrongCode)), "{code}: {used:?}");
    }
    let off = door.access.turn_off_second_factor(&caller, proof(PASSWORD, &codes[0])).await.unwrap();
    assert!(!door.access.still_holds(&caller) && door.caller(&off).who().is_some(), "the browser is signed in anew");
    assert_eq!(door.access.second_factor(&caller).await.unwrap(), OwnFactor::Off);
    let changed = door.access.enter_code(secret.as_str(), &codes[1], VISITOR).await;
    assert!(matches!(changed, Err(AccessError::Again)), "it was begun before: {changed:?}");
    door.sign_in("anna", VISITOR).await;
    let told: Vec<String> =
        door.actions().await.into_iter().filter(|it| it.contains("factor") || it.contains("code")).collect();
    assert_eq!(told, ["account.second_factor.on", "sign_in.recovery_code", "account.second_factor.off"]);
    let log = format!("{:?}", door.store.audit_log(100).await.unwrap());
    for secret in [&app.0, &codes[0], &codes[0].replace('-', "")] {
        assert!(!log.contains(secret.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_stands_in_once_and_all_are_made_anew() {
    let door = Door::open().await;
    let (caller, app, codes) = door.with_factor().await;
    let enter = async |code: &str| {
        let secret = door.begin().await;
        door.access.enter_code(secret.as_str(), code, VISITOR).await
    };
    enter(&codes[3].replace('-', " ")).await.unwrap();
    assert!(matches!(enter(&codes[3]).await, Err(AccessError::WrongCode)));
    assert_eq!(door.access.second_factor(&caller).await.unwrap(), OwnFactor::On { codes_left: 9 });
    let wrong = door.access.renew_recovery_codes(&caller, proof(PASSWORD, "000000")).await;
    assert!(matches!(wrong, Err(AccessError::WrongCode)));
    let new = door.access.renew_recovery_codes(&caller, proof(PASSWORD, &app.code(0))).await.unwrap();
    assert_eq!(door.access.second_factor(&caller).await.unwrap(), OwnFactor::On { codes_left: 10 });
    // Somebody else's are none of hers.
    assert!(!codes.contains(&new[0].as_str().to_owned()));
    let device = door.access.enter_code(door.begin().await.as_str(), new[0].as_str(), VISITOR).await.unwrap().device;
    let known = Visitor { device: Some(device.as_str()), ..VISITOR };
    let Entered::Code(awaited) = door.access.sign_in("anna", PASSWORD, known).await.unwrap() else { panic!("a code") };
    let old = door.access.enter_code(awaited.secret.as_str(), &codes[4], known).await;
    assert!(matches!(old, Err(AccessError::WrongCode)), "{old:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_tried_a_few_times_and_slowly() {
    let door = Door::open().await;
    let (_, app, _) = door.with_factor().await;
    let secret = door.begin().await;
    for _ in 0..5 {
        let tried = door.access.enter_code(secret.as_str(), "000000", VISITOR).await;
        assert!(matches!(tried, Err(AccessError::WrongCode)), "{tried:?}");
    }
    let sixth = door.access.enter_code(secret.as_str(), &app.code(0), VISITOR).await;
    assert!(matches!(sixth, Err(AccessError::Again)), "{sixth:?}");
    // Who begins anew must wait longer and longer, from wherever: it is the account that is guarded.
    let mut has_waited = false;
    for number in 0..20_u8 {
        let visitor = Visitor { address: IpAddr::from([10, 1, 0, number]), ..VISITOR };
        let tried = match door.access.sign_in("anna", PASSWORD, visitor).await {
            Ok(Entered::Code(awaited)) => door.access.enter_code(awaited.secret.as_str(), "000000", visitor).await,
            Ok(Entered::In(_)) => panic!("no code is asked for"),
            Err(error) => Err(error),
        };
        assert!(matches!(tried, Err(AccessError::WrongCode | AccessError::Wait(_))), "{tried:?}");
        has_waited |= matches!(tried, Err(AccessError::Wait(_)));
    }
    assert!(has_waited);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_needs_a_code_as_well() {
    let door = Door::open().await;
    let (caller, app, codes) = door.with_factor().await;
    let fetch = async |code: Option<&str>| door.access.fetch_token("anna", PASSWORD, code, VISITOR).await;
    // Who has not tried any code is not slowed.
    for _ in 0..8 {
        assert!(matches!(fetch(None).await, Err(AccessError::NeedsCode)));
    }
    assert!(matches!(fetch(Some("000000")).await, Err(AccessError::WrongCode)));
    fetch(Some(&app.code(0))).await.unwrap();
    assert!(matches!(fetch(Some(&app.code(0))).await, Err(AccessError::WrongCode)));
    fetch(Some(&codes[0])).await.unwrap();
    // To make one at the account's page takes both as well.
    let meter = NewOwnToken { name: "meter", role: AccountRole::Viewer, days: None };
    let add = async |password: &str, code: &str| door.access.add_token(&caller, meter, proof(password, code)).await;
    assert!(matches!(add("wrong", &codes[1]).await, Err(AccessError::Wrong)));
    assert!(matches!(add(PASSWORD, "").await, Err(AccessError::WrongCode)));
    assert_eq!(door.access.tokens(&caller).unwrap().len(), 2);
    add(PASSWORD, &codes[1]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_cookie_holds_no_more_once_its_owner_proves_himself() {
    let door = Door::open().await;
    let meter = NewOwnToken { name: "meter", role: AccountRole::Viewer, days: None };
    // Whoever has the cookie of anna's browser at this moment.
    let signed_in = door.sign_in("anna", VISITOR).await;
    let copied = |signed_in: &SignedIn| door.caller(signed_in);
    let thief = copied(&signed_in);
    let made = door.access.add_token(&thief, meter, proof("guessed", "")).await;
    assert!(matches!(made, Err(AccessError::Wrong)), "the cookie alone makes no token: {made:?}");
    // Her new password.
    let other = "mQ8-tuz4-pLx-2";
    let anew = door.access.change_password(&copied(&signed_in), PASSWORD, other, VISITOR).await.unwrap();
    assert!(door.caller(&signed_in).who().is_none() && !door.access.still_holds(&thief));
    let changed = door.access.change_password(&door.caller(&anew), other, PASSWORD, VISITOR).await.unwrap();
    // The secret of a second factor is shown to who has begun, and to nobody with the cookie of before.
    let begun = door.access.begin_second_factor(&door.caller(&changed), VISITOR).await.unwrap();
    assert!(door.caller(&changed).who().is_none() && begun.seconds <= changed.seconds, "nor does it last longer");
    let thief = copied(&begun);
    let OwnFactor::Begun(setup) = door.access.second_factor(&door.caller(&begun)).await.unwrap() else {
        panic!("it has begun")
    };
    let (app, caller) = (App(setup.secret), door.caller(&begun));
    let (codes, on) = door.access.turn_on_second_factor(&caller, proof(PASSWORD, &app.code(0))).await.unwrap();
    assert!(door.caller(&begun).who().is_none() && !door.access.still_holds(&thief));
    let off = door.access.turn_off_second_factor(&door.caller(&on), proof(PASSWORD, codes[0].as_str())).await;
    assert!(door.caller(&on).who().is_none() && door.caller(&off.unwrap()).who().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_the_password_and_stops_at_the_code_is_told_to_the_audit_log() {
    let door = Door::open().await;
    door.with_factor().await;
    let halves = async || {
        let log = door.store.audit_log(100).await.unwrap();
        log.into_iter().filter(|entry| entry.action == "sign_in.half").collect::<Vec<_>>()
    };
    assert!(halves().await.is_empty());
    for _ in 0..4 {
        door.begin().await;
    }
    let told = halves().await;
    assert_eq!(told.len(), 1, "not each of many");
    assert_eq!((told[0].subject.as_str(), told[0].origin.as_str(), told[0].actor.as_str()), ("anna", "10.0.0.1", ""));
    // A program that sends no code, as well.
    for _ in 0..6 {
        assert!(matches!(door.access.fetch_token("anna", PASSWORD, None, VISITOR).await, Err(AccessError::NeedsCode)));
    }
    assert!(halves().await[0].after.contains("\"times\":10"));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_wait_keep_nobody_out_who_is_known() {
    let door = Door::open().await;
    let device = door.sign_in("anna", VISITOR).await.device;
    let (told, mut refused) = tokio::sync::mpsc::unbounded_channel();
    let mut strangers = tokio::task::JoinSet::new();
    for number in 0..400_u32 {
        let (access, told) = (Arc::clone(&door.access), told.clone());
        strangers.spawn(async move {
            let visitor = Visitor { address: IpAddr::from((10 << 24 | 1 << 16 | number).to_be_bytes()), ..VISITOR };
            if let Err(AccessError::Busy) = access.sign_in(&format!("nobody{number}"), "x", visitor).await {
                told.send(()).unwrap();
            }
        });
    }
    tokio::time::timeout(PATIENCE, refused.recv()).await.expect("all places must be taken").unwrap();
    let known = Visitor { device: Some(device.as_str()), ..VISITOR };
    assert!(door.access.sign_in("anna", PASSWORD, known).await.is_ok());
    strangers.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_of_many_addresses_keep_the_owner_out_of_no_new_device() {
    let door = Door::open().await;
    let from = |last: u8| Visitor { address: IpAddr::from([10, 1, 0, last]), ..VISITOR };
    for number in 0..20 {
        let tried = door.access.sign_in("anna", "wrong", from(number)).await;
        assert!(matches!(tried, Err(AccessError::Wrong)), "{tried:?}");
    }
    let again = door.access.sign_in("anna", "wrong", from(3)).await;
    assert!(matches!(again, Err(AccessError::Wait(_))), "each has one try: {again:?}");
    door.sign_in("anna", from(99)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_like_the_terminal() {
    let door = Door::open().await;
    for name in ["terminal", "Terminal"] {
        let added = door.access.add_account(&Caller::terminal(), name, PASSWORD, AccountRole::Viewer).await;
        assert!(matches!(added, Err(AccessError::Fault(AccountFault::Reserved))), "{added:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_terminal_takes_away_ends_the_sign_ins_of_a_site_that_is_served() {
    let door = Door::open().await;
    let (caller, ..) = door.with_factor().await;
    let terminal = Access::start(Arc::clone(&door.store), false).await.unwrap();
    terminal.reset_second_factor(&Caller::terminal(), door.anna).await.unwrap();
    door.sign_in("anna", Visitor { address: IpAddr::from([10, 9, 0, 1]), ..VISITOR }).await;
    assert!(!door.access.still_holds(&caller));
}

#[tokio::test(flavor = "multi_thread")]
async fn others_take_a_lost_one_away_who_may() {
    let door = Door::open().await;
    let (caller, ..) = door.with_factor().await;
    let bob = door.caller(&door.sign_in("bob", VISITOR).await);
    for who in [&bob, &caller] {
        let refused = door.access.reset_second_factor(who, door.anna).await;
        assert!(matches!(refused, Err(AccessError::Denied(_))), "{refused:?}");
    }
    assert!(door.access.accounts(&Caller::terminal()).await.unwrap()[0].has_second_factor);
    door.access.reset_second_factor(&Caller::terminal(), door.anna).await.unwrap();
    let none = door.access.reset_second_factor(&Caller::terminal(), door.anna).await;
    assert!(matches!(none, Err(AccessError::Unknown)));
    door.sign_in("anna", VISITOR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_over_another_ends_his_sign_in() {
    let door = Door::open().await;
    let anna = door.sign_in("anna", VISITOR).await;
    let over = Visitor { before: Some(anna.secret.as_str()), ..VISITOR };
    let bob = door.sign_in("bob", over).await;
    assert!(door.caller(&anna).who().is_none() && door.caller(&bob).who().is_some());
    assert_eq!(door.actions().await.split_off(3), ["sign_in.end", "sign_in.begin"]);
}

/// Polls a future so often, and no further.
async fn cut<T>(work: impl Future<Output = T>, polls: u32) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_leaves_store_and_memory_the_same() {
    let door = Door::open().await;
    for polls in 1.. {
        // Its own each time: a try that was cut off counts as failed.
        let access = Access::start(Arc::clone(&door.store), true).await.unwrap();
        let caller = {
            let Entered::In(signed_in) = access.sign_in("anna", PASSWORD, VISITOR).await.unwrap() else { panic!("in") };
            access.identify(Credentials::Cookie(signed_in.secret.as_str()), ADDRESS).unwrap()
        };
        let is_done = cut(access.fetch_token("anna", PASSWORD, None, VISITOR), polls).await.is_some();
        let begun = Instant::now();
        loop {
            let stored = door.store.accounts().await.unwrap().tokens;
            let mut stored: Vec<i64> = stored.iter().map(|stored| stored.token.id).collect();
            stored.reverse();
            let known: Vec<i64> = access.tokens(&caller).unwrap().iter().map(|token| token.id).collect();
            // One more change comes after the one that was cut off, if that goes on.
            access.end_other_sign_ins(&caller).await.unwrap();
            if stored == known {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "cut off at {polls}: {stored:?} is stored, {known:?} is known");
        }
        if is_done {
            assert!(polls > 2, "it was cut off in between");
            break;
        }
    }
}
