//! The throwaway Debian that the benchmark runs on, with the accounts in every source.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use roster_tests::{Error, Machine, Run};

use crate::accounts::Accounts;
use crate::sources::{SOURCES, SSSD, SSSD_CACHED};

/// What answers, and what counts instructions and system calls.
const PACKAGES: &str = "systemd-sysv,dbus,libnss-systemd,systemd-userdbd,libnss-extrausers,\
    libnss-sss,sssd-common,sssd-proxy,valgrind,strace,procps";

/// Where the machine sees the folder with the programs and the accounts.
const PLACE: &str = "/opt/bench";

/// What is compiled on the host, in that folder.
pub const PROGRAM: &str = "/opt/bench/lookups";
const MODULES: [&str; 3] = ["floor", "roster", "reference"];

/// Longer than any step takes.
const PATIENCE: Duration = Duration::from_secs(600);

/// The proxy over extrausers; nothing it has learnt is forgotten during a run.
const SSSD_CONF: &str = "\
[sssd]
services = nss
domains = bench
[nss]
memcache_timeout = 86400
memcache_size_passwd = 64
memcache_size_group = 64
memcache_size_initgroups = 64
entry_negative_timeout = 86400
[domain/bench]
id_provider = proxy
auth_provider = none
access_provider = permit
proxy_lib_name = extrausers
entry_cache_timeout = 86400
enumerate = @ENUMERATE@
";

/// Puts the accounts of one size where the daemons look.
const SWITCH: &str = r#"
set -eu
systemctl stop sssd systemd-userdbd.socket systemd-userdbd.service
for place in /var/lib/extrausers /run/userdb /run/roster; do
    mkdir -p "$place"
    if mountpoint -q "$place"; then umount "$place"; fi
done
mount --bind "$1/extrausers" /var/lib/extrausers
mount --bind "$1/userdb" /run/userdb
mount -t tmpfs -o mode=755 tmpfs /run/roster
rm -rf /var/lib/sss/db/* /var/lib/sss/mc/*
cat >/etc/sssd/sssd.conf
chmod 600 /etc/sssd/sssd.conf
systemctl start systemd-userdbd.socket
if [ "$2" = yes ]; then systemctl start sssd; fi
"#;

/// The booted machine, and the folder on the host that it sees.
pub struct System {
    machine: Machine,
    folder: PathBuf,
}

fn on<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Result<T, Error> {
    result.map_err(|error| Error::Io(what.to_owned(), std::io::Error::other(error.to_string())))
}

impl System {
    /// Boots it. `folder` holds what `run.sh` has compiled, and is where the accounts are written.
    pub fn boot(folder: &Path) -> Result<System, Error> {
        let machine = Machine::of("bench-lookups", PACKAGES, folder, PLACE)?;
        for module in MODULES {
            let install = "install -m 644 \"$1\" /usr/lib/ && ldconfig";
            let path = format!("{PLACE}/libnss_{module}.so.2");
            machine.command(["sh", "-c", install, "sh", &path]).ok();
        }
        Ok(System { machine, folder: folder.to_owned() })
    }

    /// Where the machine sees the accounts of this size.
    pub fn place(size: usize) -> String {
        format!("{PLACE}/{size}")
    }

    /// Writes `size` accounts in all formats and makes every source serve them.
    pub fn furnish(&self, size: usize) -> Result<(), Error> {
        let folder = self.folder.join(size.to_string());
        let accounts = Accounts::new(size);
        on("write the accounts", Self::write(&accounts, &folder, size))?;
        let sssd = SOURCES.iter().any(|source| source.service == SSSD && size <= source.most);
        let listed = size <= SSSD_CACHED;
        let conf = SSSD_CONF.replace("@ENUMERATE@", if listed { "true" } else { "false" });
        let started = if sssd { "yes" } else { "no" };
        self.machine
            .command(["sh", "-c", SWITCH, "sh", &Self::place(size), started])
            .stdin(conf)
            .timeout(PATIENCE)
            .ok();
        // Where the machine's own daemon would write it: what lies in memory is no copy of a file.
        let live = self.machine.root().join("run/roster");
        on("write the index", accounts.write_index(&live, &folder.join("checkpoint")))?;
        if sssd {
            self.wait_for_sssd(size, if listed { size } else { 0 });
        }
        Ok(())
    }

    fn write(
        accounts: &Accounts,
        folder: &Path,
        size: usize,
    ) -> Result<(), Box<dyn std::error::Error>> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for part in ["extrausers", "userdb"] {
            fs::create_dir_all(folder.join(part))?;
        }
        accounts.write_lists(folder)?;
        accounts.write_files(&folder.join("extrausers"))?;
        // libnss-extrausers opens it for nothing but its absence is not our business.
        fs::write(folder.join("extrausers/shadow"), "")?;
        for source in &SOURCES {
            let view = folder.join("views").join(source.service);
            fs::create_dir_all(&view)?;
            let service = source.service.trim_end_matches("-again");
            let switch = format!("passwd: {service}\ngroup: {service}\ninitgroups: {service}\n");
            fs::write(view.join("nsswitch.conf"), switch)?;
            match source.service {
                "files" => accounts.write_files(&view)?,
                "systemd" if source.not_measured(size).is_none() => {
                    accounts.write_userdb(&folder.join("userdb"))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Until it answers, and until it has copied as many accounts as it is to list.
    fn wait_for_sssd(&self, size: usize, listed: usize) {
        let wait = r#"
            read -r name _ <"$1/present"
            until "$0" in "$1/views/sss" getent passwd "$name" >/dev/null; do sleep 0.2; done
            until [ "$("$0" in "$1/views/sss" getent passwd | wc -l)" -ge "$2" ]; do sleep 1; done"#;
        let place = Self::place(size);
        self.machine
            .command(["sh", "-c", wait, PROGRAM, &place, &listed.to_string()])
            .timeout(PATIENCE)
            .ok();
    }

    /// Forgets the accounts of a size on the host.
    pub fn clear(&self, size: usize) {
        let _ = fs::remove_dir_all(self.folder.join(size.to_string()));
    }

    /// The measuring program with these arguments.
    pub fn program(&self, arguments: &[String]) -> Run {
        let program = std::iter::once(PROGRAM.to_owned());
        self.machine.command(program.chain(arguments.iter().cloned())).timeout(PATIENCE)
    }

    /// A program that sees the system as `service` shows it.
    pub fn seen_by(&self, service: &str, size: usize, program: &[&str]) -> Run {
        let view = format!("{}/views/{service}", Self::place(size));
        let prefix = [PROGRAM, "in", &view];
        self.machine.command(prefix.into_iter().chain(program.iter().copied())).timeout(PATIENCE)
    }

    /// A shell script.
    pub fn sh(&self, script: &str) -> Run {
        self.machine.sh(script)
    }

    /// The services that can be measured at this size, as arguments for the measuring program.
    pub fn measured(size: usize) -> Vec<String> {
        let measured = SOURCES.iter().filter(|source| source.not_measured(size).is_none());
        measured.map(|source| source.argument()).collect()
    }
}
