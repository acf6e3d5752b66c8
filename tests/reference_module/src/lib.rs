//! `libnss_reference.so.2`: the account index served through libnss's hook macros.
//!
//! The tests load it beside the shipped module and compare every answer. It opens the file anew for
//! each call, so that it shares no state, and no mistake in following the file, with what it checks.
//! With the feature `kept` it does follow the file.

#![allow(unsafe_code, missing_docs)] // both inside of the macros

use libnss::group::{Group, GroupHooks};
use libnss::initgroups::InitgroupsHooks;
use libnss::interop::Response;
use libnss::passwd::{Passwd, PasswdHooks};
use libnss::shadow::{Shadow, ShadowHooks};
use libnss::{
    libnss_group_hooks, libnss_initgroups_hooks, libnss_passwd_hooks, libnss_shadow_hooks,
};
#[cfg(not(feature = "kept"))]
use snapshot::Reader;
#[cfg(feature = "kept")]
use snapshot::Shared;
use snapshot::{
    CHECKPOINT_INDEX, CHECKPOINT_SHADOW, GroupRef, Index, Kind, LIVE_INDEX, LIVE_SHADOW, ShadowRef,
    UserRef,
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(feature = "kept")]
fn answer<T>(kind: Kind, find: impl FnOnce(Index<'_>) -> Option<T>) -> Response<T> {
    static INDEX: Shared = Shared::new(LIVE_INDEX, CHECKPOINT_INDEX, Kind::Index, 0);
    static SHADOW: Shared = Shared::new(LIVE_SHADOW, CHECKPOINT_SHADOW, Kind::Shadow, 0);
    let shared = match kind {
        Kind::Index => &INDEX,
        Kind::Shadow => &SHADOW,
    };
    match shared.pin() {
        Ok(pinned) => find(pinned.index()).map_or(Response::NotFound, Response::Success),
        Err(_) => Response::Unavail,
    }
}

#[cfg(not(feature = "kept"))]
fn answer<T>(kind: Kind, find: impl FnOnce(Index<'_>) -> Option<T>) -> Response<T> {
    let (live, checkpoint) = match kind {
        Kind::Index => (LIVE_INDEX, CHECKPOINT_INDEX),
        Kind::Shadow => (LIVE_SHADOW, CHECKPOINT_SHADOW),
    };
    match Reader::open(live, kind, 0).or_else(|_| Reader::open(checkpoint, kind, 0)) {
        Ok(reader) => find(reader.index()).map_or(Response::NotFound, Response::Success),
        Err(_) => Response::Unavail,
    }
}

fn passwd(user: UserRef<'_>) -> Passwd {
    Passwd {
        name: text(user.name()),
        passwd: "x".to_owned(),
        uid: user.uid(),
        gid: user.gid(),
        gecos: text(user.gecos()),
        dir: text(user.home()),
        shell: text(user.shell()),
    }
}

fn group(group: GroupRef<'_>) -> Group {
    Group {
        name: text(group.name()),
        passwd: "x".to_owned(),
        gid: group.gid(),
        members: group.members().map(text).collect(),
    }
}

fn shadow(shadow: ShadowRef<'_>) -> Shadow {
    Shadow {
        name: text(shadow.name()),
        passwd: if shadow.locked() { "!*" } else { "*" }.to_owned(),
        last_change: shadow.last_change() as isize,
        change_min_days: shadow.min() as isize,
        change_max_days: shadow.max() as isize,
        change_warn_days: shadow.warn() as isize,
        change_inactive_days: shadow.inactive() as isize,
        expire_date: shadow.expire() as isize,
        reserved: usize::MAX,
    }
}

struct Reference;

impl PasswdHooks for Reference {
    fn get_all_entries() -> Response<Vec<Passwd>> {
        answer(Kind::Index, |index| Some(index.users().map(passwd).collect()))
    }

    fn get_entry_by_uid(uid: libc::uid_t) -> Response<Passwd> {
        answer(Kind::Index, |index| index.user_by_uid(uid).map(passwd))
    }

    fn get_entry_by_name(name: String) -> Response<Passwd> {
        answer(Kind::Index, |index| index.user_by_name(name.as_bytes()).map(passwd))
    }
}

impl GroupHooks for Reference {
    fn get_all_entries() -> Response<Vec<Group>> {
        answer(Kind::Index, |index| {
            Some(index.groups().filter(|group| !group.is_external()).map(group).collect())
        })
    }

    fn get_entry_by_gid(gid: libc::gid_t) -> Response<Group> {
        answer(Kind::Index, |index| index.group_by_gid(gid).map(group))
    }

    fn get_entry_by_name(name: String) -> Response<Group> {
        answer(Kind::Index, |index| index.group_by_name(name.as_bytes()).map(group))
    }
}

impl ShadowHooks for Reference {
    fn get_all_entries() -> Response<Vec<Shadow>> {
        answer(Kind::Shadow, |index| Some(index.shadows().map(shadow).collect()))
    }

    fn get_entry_by_name(name: String) -> Response<Shadow> {
        answer(Kind::Shadow, |index| index.shadow_by_name(name.as_bytes()).map(shadow))
    }
}

impl InitgroupsHooks for Reference {
    fn get_entries_by_user(user: String) -> Response<Vec<Group>> {
        answer(Kind::Index, |index| {
            let group =
                |gid| Group { name: String::new(), passwd: String::new(), gid, members: vec![] };
            Some(index.groups_of(user.as_bytes())?.map(group).collect())
        })
    }
}

libnss_passwd_hooks!(reference, Reference);
libnss_group_hooks!(reference, Reference);
libnss_shadow_hooks!(reference, Reference);
libnss_initgroups_hooks!(reference, Reference);
