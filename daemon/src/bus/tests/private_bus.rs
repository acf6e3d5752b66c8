//! A message bus of our own, the service on it, and clients of any uid.
//! All of it needs root, as the service's own tests do.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bus::{AccountsProxy, BusError, CallError, Dictionary};
use rustix::process::Uid;
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zbus::Connection;

use crate::bus::serve;
use crate::service::Service;
use crate::service::testing::Fixture;

pub(super) const ROOT: u32 = 0;
/// Nobody of ours.
pub(super) const STRANGER: u32 = 1000;
/// The first user that is created.
pub(super) const ALICE: u32 = 3000;

const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=@DIR@/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
  <include>@SHIPPED@</include>
</busconfig>
"#;

/// dbus-daemon lets in only users that its host knows: it gets an /etc/passwd of its own, in a
/// mount namespace of its own.
const START: &str = "mount --bind \"$1\" /etc/passwd && \
    exec dbus-daemon --config-file=\"$2\" --nofork --print-address";
const USERS: &str = "root:x:0:0::/:/bin/sh\nlocal:x:1000:1000::/:/bin/sh\n\
    alice:x:3000:3000::/:/bin/sh\nbob:x:3001:3001::/:/bin/sh\n";

/// A bus with the service on it.
pub(super) struct PrivateBus {
    daemon: Child,
    pub(super) dir: TempDir,
    pub(super) service: Arc<Service>,
    /// Where the service lives.
    pub(super) runtime: Runtime,
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl PrivateBus {
    pub(super) fn new() -> Self {
        Self::on(Fixture::new(), "")
    }

    /// A bus that lets in those users of the host, too, for a service that is there already.
    pub(super) fn on(fixture: Fixture, more_users: &str) -> Self {
        let (dir, service) = fixture.into_parts();
        let shipped = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../packaging/dbus/org.roster.Accounts1.conf");
        let config = CONFIG
            .replace("@DIR@", dir.path().to_str().unwrap())
            .replace("@SHIPPED@", shipped.to_str().unwrap());
        let file = dir.path().join("bus.conf");
        std::fs::write(&file, config).unwrap();
        let users = dir.path().join("bus-passwd");
        std::fs::write(&users, format!("{USERS}{more_users}")).unwrap();
        let mut daemon = Command::new("unshare")
            .args(["--mount", "sh", "-c", START, "sh"])
            .args([&users, &file])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need unshare (Debian: util-linux)");
        // It listens once it has printed its address.
        let mut line = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("unix:"), "these tests need root, and dbus-daemon: {line:?}");
        let service = Arc::new(service);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let bus = Self { daemon, dir, service, runtime };
        bus.runtime.block_on(async {
            let connection = connect(&bus.address()).await;
            let served = serve(Arc::clone(&bus.service), connection).await.unwrap();
            tokio::spawn(served.until_closed());
        });
        bus
    }

    pub(super) fn address(&self) -> String {
        format!("unix:path={}/bus", self.dir.path().display())
    }

    /// Runs a client with that uid, on a thread of its own.
    pub(super) fn call_as<T, F>(&self, uid: u32, client: impl FnOnce(Connection) -> F + Send) -> T
    where
        T: Send,
        F: Future<Output = T>,
    {
        let address = self.address();
        let run = move || {
            if uid != ROOT {
                let uid = Uid::from_raw(uid);
                rustix::thread::set_thread_res_uid(uid, uid, uid).expect("these tests need root");
            }
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { client(connect(&address).await).await })
        };
        std::thread::scope(|scope| scope.spawn(run).join().unwrap())
    }

    /// Calls the management interface with that uid.
    pub(super) fn accounts_as<T, F>(
        &self,
        uid: u32,
        call: impl FnOnce(AccountsProxy<'static>) -> F + Send,
    ) -> Result<T, BusError>
    where
        T: Send,
        F: Future<Output = zbus::Result<T>>,
    {
        let result = self.call_as(uid, |connection| async move {
            call(AccountsProxy::new(&connection).await.unwrap()).await
        });
        result.map_err(|error| match CallError::from(error) {
            CallError::Refused(refused) => refused,
            other => panic!("{other}"),
        })
    }

    /// Creates a user as root.
    pub(super) fn create(&self, fields: Value) -> Dictionary {
        let fields = dictionary(fields);
        let call = |accounts: AccountsProxy<'static>| async move {
            accounts.create_user(&fields, [].into()).await
        };
        self.accounts_as(ROOT, call).unwrap().0
    }
}

pub(super) async fn connect(address: &str) -> Connection {
    zbus::connection::Builder::address(address).build().await.unwrap()
}

pub(super) fn dictionary(value: Value) -> Dictionary {
    let map: &Map<String, Value> = value.as_object().unwrap();
    bus::to_dictionary(map).unwrap()
}

pub(super) fn record(dictionary: &Dictionary) -> Value {
    Value::Object(bus::from_dictionary(dictionary).unwrap())
}
