//! What both ends of `org.roster.Accounts1` share: names, errors, the conversion between records
//! and D-Bus dictionaries, descriptors that carry secrets, and the client's proxies.
//!
//! The interface itself is fixed in `packaging/dbus/*.xml`; the daemon's tests compare it with what
//! the service answers.

mod administration_proxy;
mod audit_proxy;
mod descriptor;
mod dictionary;
mod error;
mod lifecycle_proxy;
mod mail_proxy;
mod metadata_proxy;
pub mod names;
mod proxies;
mod query_proxy;
mod tokens_proxy;

pub use administration_proxy::AdministrationProxy;
pub use audit_proxy::AuditProxy;
pub use descriptor::{MAX_SECRET, SecretError, secret_from_fd, secret_to_fd};
pub use dictionary::{Dictionary, DictionaryError, from_dictionary, to_dictionary};
pub use error::{BusError, CallError, ErrorName};
pub use lifecycle_proxy::LifecycleProxy;
pub use mail_proxy::MailProxy;
pub use metadata_proxy::MetadataProxy;
pub use proxies::{AccountsProxy, UserProxy};
pub use proxies::{UserAdded, UserAddedStream, UserChanged, UserChangedStream};
pub use proxies::{UserRemoved, UserRemovedStream};
pub use query_proxy::QueryProxy;
pub use tokens_proxy::TokensProxy;
