//! Lists by filter and by text: `org.roster.Accounts1.Query`, on the management object.
//! What the methods mean is in packaging/dbus/org.roster.Accounts1.Query.xml.

use std::sync::Arc;

use accounts::Subject;
use bus::{BusError, Dictionary, ErrorName};
use zbus::interface;
use zbus::message::Header;

use super::accounts::page;
use super::door::Door;
use super::errors::bus_error;
use super::gate::Guarded;
use super::records::{fields, records};
use super::verb::Verb;
use crate::query::Query;
use crate::service::Service;

/// The interface for lists, at /org/roster/Accounts1.
pub(super) struct Lists {
    door: Arc<Door>,
}

impl Lists {
    pub(super) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }
}

impl Guarded for Lists {
    fn shows(&self) -> Option<Subject> {
        None
    }
}

#[interface(name = "org.roster.Accounts1.Query", introspection_docs = false)]
impl Lists {
    #[zbus(out_args("total", "limit", "offset", "users"))]
    async fn query_users(
        &self,
        filters: &str,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(u64, u64, u64, Vec<Dictionary>), BusError> {
        self.door.grant(&call, Verb::QueryUsers, None).await?;
        let query = Query::parse(filters, &fields(&options)?)
            .map_err(|errors| BusError::with_fields(ErrorName::InvalidField, errors))?;
        let list = move |service: &Service| {
            let answer = service.query_users(&query).map_err(|error| bus_error(&error))?;
            let (limit, offset) = (query.options.limit, query.options.offset);
            Ok((answer.total, limit, offset, records(&answer.users)?))
        };
        self.door.blocking(list).await
    }

    #[zbus(out_args("total", "limit", "offset", "users"))]
    async fn search_users(
        &self,
        text: String,
        options: Dictionary,
        #[zbus(header)] call: Header<'_>,
    ) -> Result<(u64, u64, u64, Vec<Dictionary>), BusError> {
        let (offset, limit) = page(options)?;
        self.door.grant(&call, Verb::SearchUsers, None).await?;
        let list = move |service: &Service| {
            let found =
                service.search_users(&text, offset, limit).map_err(|error| bus_error(&error))?;
            Ok((found.total, limit, offset, records(&found.items)?))
        };
        self.door.blocking(list).await
    }
}
