//! The table: verb × role × own or other's account → allowed.

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    Root,
    Admin,
    Helpdesk,
    Auditor,
    /// A user without a role: the user itself when the account is the own, else another user.
    User,
    /// A locked administrator.
    Locked,
    /// A user of the host, unknown to the store.
    Stranger,
}

/// The callers, in the order of the columns of [`Right`].
pub(super) const CALLERS: [Caller; 7] = [
    Caller::Root,
    Caller::Admin,
    Caller::Helpdesk,
    Caller::Auditor,
    Caller::User,
    Caller::Locked,
    Caller::Stranger,
];

/// For each of [`CALLERS`], the accounts that it is allowed about: its `o`wn; an other one that is
/// `p`lain, has `s`udo, or is an `a`uditor's, `h`elpdesk's or `A`dministrator's; or, for what is
/// about nobody's account, `n`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right(pub(super) [&'static str; 7]);

/// Every letter of an account. The own one comes last: what becomes of it may end the caller's rights.
pub(super) const ACCOUNTS_OF: &str = "psahAo";

impl Right {
    pub(super) fn allows(self, caller: Caller, account: char) -> bool {
        let column = CALLERS.iter().position(|known| *known == caller).unwrap();
        self.0[column].contains(account)
    }

    /// Whether this is about nobody's account.
    pub(super) fn about_nobody(self) -> bool {
        self.0.iter().any(|allowed| allowed.contains('n'))
    }
}

//                                            root     admin     helpdesk  auditor   user      locked    stranger
pub(super) const ADMINISTER: Right = Right(["psahA", "opsahA", "", "", "", "", ""]);
pub(super) const OTHERS_ONLY: Right = Right(["psahA", "psahA", "", "", "", "", ""]);
pub(super) const READ: Right = Right(["psahA", "opsahA", "o", "opsahA", "o", "o", ""]);
pub(super) const READ_PARTS: Right = Right(["psahA", "opsahA", "o", "opsahA", "o", "", ""]);
pub(super) const OWN_PARTS: Right = Right(["psahA", "opsahA", "o", "o", "o", "", ""]);
pub(super) const OWN_PASSWORD: Right = Right(["", "o", "o", "o", "o", "", ""]);
pub(super) const SET_PASSWORD: Right = Right(["psahA", "opsahA", "p", "", "", "", ""]);
/// Of a locked account: nobody has a right to the own one.
pub(super) const UNLOCK: Right = Right(["psahA", "psahA", "p", "", "", "", ""]);
pub(super) const SECOND_FACTOR: Right = Right(["psahA", "opsahA", "op", "o", "o", "", ""]);
pub(super) const SEE_SECOND_FACTOR: Right = Right(["psahA", "opsahA", "op", "opsahA", "o", "", ""]);
pub(super) const NSS: Right =
    Right(["psahA", "opsahA", "opsahA", "opsahA", "opsahA", "opsahA", "psahA"]);
pub(super) const ADMINISTER_ALL: Right = Right(["n", "n", "", "", "", "", ""]);
pub(super) const READ_ALL: Right = Right(["n", "n", "", "n", "", "", ""]);
pub(super) const ROOT_ALONE: Right = Right(["n", "", "", "", "", "", ""]);
pub(super) const EVERYBODY: Right = Right(["n", "n", "n", "n", "n", "n", "n"]);

/// What comes of a call that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The store changes, and the audit log says by whom.
    Changes,
    /// The store changes in what the audit log does not hold.
    Notes,
    /// The store stays what it was.
    Reads,
    /// A refusal, because it is done already.
    Already,
}
