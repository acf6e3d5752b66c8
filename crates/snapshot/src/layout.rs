//! The format of the account index, word by word.
//!
//! A file is an array of 32-bit words in the byte order of the machine (it is never copied to
//! another one; the magic does not match there). A *link* is an offset in units of eight bytes, so
//! that 32 bits reach 32 GiB; link 0 is the header and therefore means "none".
//!
//! ```text
//! header │ bucket arrays │ records ……………… │ reserved space
//! ```
//!
//! Records are only ever appended. What may change after publication is: links (bucket heads, chain
//! and list links), the words of a list, and the writer's own words. Each is one aligned word, stored
//! with release and loaded with acquire ordering. Everything else is constant from the moment at which
//! a link to it is stored.
//!
//! - **Insert**: append the record, then store the bucket head (its old value is the record's next).
//! - **Replace**: append the new record with the old one's next links and sequence number, then
//!   store it into the link that led to the old one. A reader that stands on the old record goes on
//!   from there: its links are frozen, so it meets nothing that was not true during its call.
//! - **Remove**: store the record's next link into the link that led to it. The links of a record that
//!   was replaced or removed are never written again, so a reader that stands on it meets, from there
//!   on, only what was linked at some moment since; and since records join a chain at its head and
//!   otherwise keep their order, it misses nothing that was there all the time.
//! - **Lists** (all users, all groups, members of a group, groups of a user) grow at the tail, and
//!   their sequence numbers strictly increase, which is how a reader knows that it cannot be in a
//!   cycle. `version` is odd while a list is being changed, and different afterwards.
//! - **Supersede**: a new file is complete under a temporary name; the word `SUPERSEDED` of the old
//!   one is set; the new one is renamed over it. Readers that meet the mark look at the path again,
//!   and a marked file that the path still leads to is still the valid one.
//!
//! Words marked "Writer" are for the writer alone; readers ignore them, and the table `Edge`.

/// The first two words of every file.
pub const MAGIC: [u32; 2] = [u32::from_ne_bytes(*b"Rost"), u32::from_ne_bytes(*b"erIx")];
/// The version of this layout. Readers refuse every other one.
pub const VERSION: u32 = 2;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Users, groups and memberships; readable by everybody.
    Index = 1,
    /// Lock state and ageing; readable by root.
    Shadow = 2,
}

/// Words of the header.
pub mod header {
    /// `MAGIC`, two words.
    pub const MAGIC: usize = 0;
    /// `VERSION`.
    pub const VERSION: usize = 2;
    /// A [`Kind`](super::Kind).
    pub const KIND: usize = 3;
    /// Zero, or one once a newer file exists or is about to.
    pub const SUPERSEDED: usize = 4;
    /// Length of the file in units of eight bytes.
    pub const LENGTH: usize = 5;
    /// The key of the hash, four words, random in each file.
    pub const KEY: usize = 6;
    /// Generation of the content as the writer counts it, low word and high word.
    pub const GENERATION: usize = 10;
    /// Link of the first record.
    pub const AREA: usize = 12;
    /// Writer: link of the first unused unit.
    pub const USED: usize = 13;
    /// Writer: units taken by unlinked records.
    pub const DEAD: usize = 14;
    /// Writer: the sequence number that the next record gets.
    pub const NEXT_SEQ: usize = 15;
    /// The bucket arrays: for each [`Table`](super::Table) its link and the log2 of its length.
    pub const TABLES: usize = 16;
    /// Room for this many tables.
    pub const TABLE_SLOTS: usize = 8;
    /// The list of all users (or shadow records), see [`list`](super::list).
    pub const USERS: usize = 32;
    /// The list of all groups.
    pub const GROUPS: usize = 36;
    /// Checksum of the constant words of the header.
    pub const CHECKSUM: usize = 40;
    /// Writer: number of members, that is records of that tag.
    pub const MEMBERS: usize = 41;
    /// Writer: number of memberships.
    pub const EDGES: usize = 42;
    /// Length of the header in words.
    pub const WORDS: usize = 64;
    /// The constant words: the checksum covers these, in this order.
    pub const CONSTANT: [core::ops::Range<usize>; 4] = [0..4, 5..10, 12..13, 16..32];
}

/// The bucket arrays of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Users by name (in a shadow file: shadow records by name).
    UserByName = 0,
    /// Users by uid.
    UserById = 1,
    /// Groups by name.
    GroupByName = 2,
    /// Groups by gid.
    GroupById = 3,
    /// Members, that is user names that are in a group of ours, by name.
    Member = 4,
    /// Writer: memberships by member and group.
    Edge = 5,
}

/// Number of bucket arrays.
pub const TABLES: usize = 6;
/// No bucket array is longer than two to this power.
pub const MAX_LOG2: u32 = 28;
/// A reader gives up on a bucket chain after this many records. With a keyed hash and no more
/// records than buckets, chains of even twenty do not happen.
pub const MAX_CHAIN: usize = 128;
/// User, group and member names are at most this long, in bytes.
pub const MAX_NAME: usize = 255;
/// The largest uid and gid that is ever served.
pub const MAX_ID: u32 = i32::MAX as u32;

/// Words of a list.
pub mod list {
    /// Link of the first record.
    pub const HEAD: usize = 0;
    /// Writer: link of the last record.
    pub const TAIL: usize = 1;
    /// Odd while the list is being changed, different after each change.
    pub const VERSION: usize = 2;
    /// Number of records.
    pub const COUNT: usize = 3;
    /// Length in words.
    pub const WORDS: usize = 4;
}

/// First word of a record: what it is.
pub mod tag {
    /// A user.
    pub const USER: u32 = 0x5573_6572;
    /// A group.
    pub const GROUP: u32 = 0x4772_6f75;
    /// A shadow record.
    pub const SHADOW: u32 = 0x5368_6164;
    /// A member: a user name, ours or local, with the list of its groups.
    pub const MEMBER: u32 = 0x4d65_6d62;
    /// A membership: one user in one group; stands in two lists.
    pub const EDGE: u32 = 0x4564_6765;
    /// The list of members of a group, on its own so that the group's record can be replaced.
    pub const ANCHOR: u32 = 0x416e_6368;
}

/// Words that all records share.
pub mod record {
    /// One of [`tag`](super::tag).
    pub const TAG: usize = 0;
    /// Length in units of eight bytes.
    pub const UNITS: usize = 1;
    /// Link: next in the chain of the table by name.
    pub const NAME_NEXT: usize = 2;
    /// Link: next in the chain of the table by number.
    pub const ID_NEXT: usize = 3;
    /// Link: next in the list of all records of this tag.
    pub const ORDER_NEXT: usize = 4;
    /// Writer: previous in that list.
    pub const ORDER_PREV: usize = 5;
    /// Sequence number: strictly increases along every list.
    pub const SEQ: usize = 6;
    /// The upper half of the hash of the name.
    pub const HASH: usize = 7;
    /// uid or gid.
    pub const ID: usize = 8;
    /// Bits, per record kind.
    pub const FLAGS: usize = 9;
    /// How many these are. Every record that stands in a bucket chain that readers walk has them.
    pub const WORDS: usize = 10;
}

/// Words of a user.
pub mod user {
    /// Flag: locked or disabled, no login of any kind.
    pub const LOCKED: u32 = 1;
    /// Flag: `EXPIRES` is meant.
    pub const HAS_EXPIRY: u32 = 2;
    /// Primary gid.
    pub const GID: usize = 10;
    /// Length of name (low half) and gecos (high half), in bytes.
    pub const NAME_GECOS: usize = 11;
    /// Length of home (low half) and shell (high half), in bytes.
    pub const HOME_SHELL: usize = 12;
    /// Number of public keys.
    pub const KEYS: usize = 13;
    /// When the account expires, unix seconds, low word and high word.
    pub const EXPIRES: usize = 14;
    /// Name, gecos, home and shell, each with a NUL; then, from the next unit on, the keys.
    pub const STRINGS: usize = 16;
}

/// Words of a public key inside a user.
pub mod key {
    /// When the key expires, unix seconds, low word and high word.
    pub const EXPIRES: usize = 0;
    /// Flag: `EXPIRES` is meant.
    pub const HAS_EXPIRY: u32 = 1;
    /// Bits.
    pub const FLAGS: usize = 2;
    /// Length of the line in bytes.
    pub const LENGTH: usize = 3;
    /// The line, with a NUL, filled up to a unit.
    pub const LINE: usize = 4;
}

/// Words of a group.
pub mod group {
    /// Flag: a group of /etc/group that has members of ours. Found by lookup and initgroups, left
    /// out of enumeration.
    pub const EXTERNAL: u32 = 1;
    /// Link of the list of members (inside an anchor).
    pub const MEMBERS: usize = 10;
    /// Length of the name in bytes.
    pub const NAME_LENGTH: usize = 11;
    /// The name, with a NUL.
    pub const NAME: usize = 12;
}

/// Words of a shadow record.
pub mod shadow {
    /// Flag: locked.
    pub const LOCKED: u32 = 1;
    /// Length of the name in bytes.
    pub const NAME_LENGTH: usize = 10;
    /// Last change, minimum, maximum, warning, inactivity, expiry: days as in shadow(5), −1 for
    /// none; low word and high word each.
    pub const DAYS: usize = 12;
    /// The name, with a NUL.
    pub const NAME: usize = 24;
}

/// Words of a member.
pub mod member {
    /// Link of the list of groups (the `LIST` words of this same record).
    pub const GROUPS: usize = 10;
    /// Length of the name in bytes.
    pub const NAME_LENGTH: usize = 11;
    /// The list of groups.
    pub const LIST: usize = 12;
    /// The name, with a NUL.
    pub const NAME: usize = 16;
}

/// Words of an anchor.
pub mod anchor {
    /// The list.
    pub const LIST: usize = 2;
    /// Length in words.
    pub const WORDS: usize = 6;
}

/// Words of a membership.
pub mod edge {
    /// Link: next in the list of members of the group.
    pub const GROUP_NEXT: usize = 2;
    /// Writer: previous in that list.
    pub const GROUP_PREV: usize = 3;
    /// Link: next in the list of groups of the user.
    pub const USER_NEXT: usize = 4;
    /// Writer: previous in that list.
    pub const USER_PREV: usize = 5;
    /// Sequence number, the same in both lists.
    pub const SEQ: usize = 6;
    /// Writer: link of the member's record.
    pub const MEMBER: usize = 7;
    /// The group.
    pub const GID: usize = 8;
    /// Writer: link of the group's list.
    pub const ANCHOR: usize = 9;
    /// Length of the name in bytes.
    pub const NAME_LENGTH: usize = 10;
    /// Writer: link: next in the chain of the table `Edge`.
    pub const PAIR_NEXT: usize = 11;
    /// The member's name, with a NUL: here too, so that listing a group reads one stream of memory.
    pub const NAME: usize = 12;
}

/// The checksum of a header, over its constant words.
#[must_use]
pub fn header_checksum(word: impl Fn(usize) -> Option<u32>) -> Option<u32> {
    // FNV-1a by words: finds damage, not forgery. Forgery is what owner and mode are for.
    let mut sum = 0x811c_9dc5_u32;
    for range in header::CONSTANT {
        for at in range {
            sum = (sum ^ word(at)?).wrapping_mul(0x0100_0193).rotate_left(5);
        }
    }
    Some(sum)
}
