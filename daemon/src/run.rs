//! Starting and stopping: the one place where the parts are put together.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::authenticate::{Parameters, PasswordHasher, Sealer};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::publish::host::Host;
use crate::publish::mail::SocketMailer;
use crate::service::{Parts, Service};
use crate::{bus, socket, store};

const CONFIG: &str = "/etc/roster/roster.toml";
/// Where the socket is when systemd did not hand it over.
const SOCKET: &str = "/run/roster/auth";
/// The longest between looks at expiring rules.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// How many times as long as a copy of the index took there is none.
const PAUSE_BETWEEN_COPIES: u32 = 20;
/// What is still at work when the daemon stops may take so long.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Runs the daemon until it is told to stop.
#[must_use]
pub fn run() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .without_time()
        .with_ansi(false)
        .with_target(false)
        .with_max_level(tracing::Level::INFO)
        .init();
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("rosterd cannot run: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn start() -> Result<(), Failure> {
    keep_memory_private()?;
    let config = Config::load(Path::new(CONFIG))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Logins wait on these for their hashes; conversations are limited before they get here.
        .max_blocking_threads(256)
        .thread_keep_alive(Duration::from_secs(10))
        .enable_all()
        .build()?;
    let served = runtime.block_on(serve(config));
    // A mail server that does not answer keeps nobody from stopping the daemon.
    runtime.shutdown_timeout(LAST_WORDS);
    served
}

/// No core dump and no debugger shows passwords (prctl(2), PR_SET_DUMPABLE).
fn keep_memory_private() -> Result<(), Failure> {
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0)?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn build_service(config: Config) -> Result<Service, Failure> {
    store::prepare_directory(&config.places.store)?;
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
    let sealer =
        Sealer::open_or_create(&config.places.store, credentials.as_deref().map(Path::new))?;
    let parameters = Parameters {
        memory_kib: config.passwords.argon2_memory_kib,
        passes: config.passwords.argon2_passes,
        lanes: config.passwords.argon2_lanes,
    };
    let hasher = PasswordHasher::new(parameters, config.passwords.memory_budget_kib)?;
    let mut host = Host::system();
    host.skel = config.homes.skeleton.display().to_string();
    let mailer = Arc::new(SocketMailer::new(config.places.mailer.clone()));
    let clock = Arc::new(SystemClock);
    let service = Service::start(Parts { config, clock, hasher, sealer, host, mailer });
    service.check_leaked_list();
    if let Err(error) = service.replay_outbox() {
        tracing::error!(%error, "the outbox was not replayed");
    }
    match credentials.as_deref().map(|given| service.set_up_from_credential(Path::new(given))) {
        Some(Ok(true)) => tracing::info!("admin was set up with the password of the credential"),
        Some(Err(error)) => tracing::error!(%error, "the first administrator was not set up"),
        Some(Ok(false)) | None => {}
    }
    Ok(service)
}

async fn serve(config: Config) -> Result<(), Failure> {
    let listener = listener()?;
    let service = Arc::new(tokio::task::spawn_blocking(|| build_service(config)).await??);
    let mut stop = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let logins = tokio::spawn(socket::serve(service.clone(), listener));
    let management = tokio::spawn(bus::keep_serving(service.clone()));
    let expiry = tokio::spawn(expire(service.clone()));
    let mails = tokio::spawn(send_mails(service.clone()));
    let copies = tokio::spawn(follow_index(service.clone()));
    sd_notify::notify(&[sd_notify::NotifyState::Ready])?;
    tracing::info!("ready");
    tokio::select! {
        ended = logins => return Err(format!("the authentication socket ended: {ended:?}").into()),
        ended = management => return Err(format!("the bus ended: {ended:?}").into()),
        ended = expiry => return Err(format!("the expiry of rules ended: {ended:?}").into()),
        ended = mails => return Err(format!("the queue of mails ended: {ended:?}").into()),
        ended = copies => return Err(format!("the copies of the index ended: {ended:?}").into()),
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    sd_notify::notify(&[sd_notify::NotifyState::Stopping])?;
    let _ = tokio::task::spawn_blocking(move || service.settle()).await;
    Ok(())
}

/// The socket from systemd (sd_listen_fds(3)), or one of our own.
fn listener() -> Result<UnixListener, Failure> {
    let listener = match listenfd::ListenFd::from_env().take_unix_listener(0)? {
        Some(listener) => listener,
        None => {
            let _ = std::fs::remove_file(SOCKET);
            let listener = std::os::unix::net::UnixListener::bind(SOCKET)?;
            std::fs::set_permissions(SOCKET, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
            listener
        }
    };
    listener.set_nonblocking(true)?;
    Ok(UnixListener::from_std(listener)?)
}

/// Takes sudo rules back, purges deleted users and forgets tokens when their time is over, and makes
/// good what had failed.
async fn expire(service: Arc<Service>) {
    let mut told = String::new();
    loop {
        let at_work = service.clone();
        let next = tokio::task::spawn_blocking(move || {
            let recovered = at_work.recover();
            let next = at_work.expire_sudo_rules()?;
            let purged = at_work.purge_expired_users();
            let due = at_work.publish_when_due();
            let swept = at_work.sweep_tokens();
            recovered.and(purged).and(due).and(swept).map(|()| next)
        });
        let next = next.await;
        let wait = match next {
            Ok(Ok(Some(at))) => Duration::from_secs(at.saturating_sub(service.now()).max(1) as u64),
            Ok(Ok(None)) => LONGEST_SLEEP,
            Ok(Err(error)) => {
                // It is tried every few seconds; the log wants to hear of it once.
                let reason = error.to_string();
                if told != reason {
                    tracing::error!(%error, "something is still undone, expired sudo rules perhaps");
                    told = reason;
                }
                LONGEST_SLEEP
            }
            Err(_) => LONGEST_SLEEP,
        };
        // A rule granted meanwhile may end sooner.
        tokio::time::sleep(wait.min(LONGEST_SLEEP)).await;
    }
}

/// Sends the mails for which nobody waits, one after the other.
async fn send_mails(service: Arc<Service>) {
    loop {
        service.mail_waits().await;
        let at_work = service.clone();
        // A panic there is one mail's.
        let _ = tokio::task::spawn_blocking(move || at_work.send_waiting_mails()).await;
    }
}

/// Keeps the copy of the index on disk up to date: at once where that is cheap, and where it is dear
/// for a small part of the time.
async fn follow_index(service: Arc<Service>) {
    let mut told = String::new();
    loop {
        service.index_changes().await;
        let (at_work, begun) = (service.clone(), Instant::now());
        let copied = tokio::task::spawn_blocking(move || at_work.checkpoint_index()).await;
        let mut pause = begun.elapsed() * PAUSE_BETWEEN_COPIES;
        if let Ok(Err(error)) = copied {
            let reason = error.to_string();
            if told != reason {
                tracing::error!(%error, "tried again from now on");
                told = reason;
            }
            pause = pause.max(LONGEST_SLEEP);
            service.index_has_changed();
        } else {
            told.clear();
        }
        tokio::time::sleep(pause).await;
    }
}
