//! The front door on a private bus, called by several users.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod administration;
mod answers;
mod audit;
mod bad_fields;
mod client;
mod group_objects;
mod introspection;
mod lifecycle;
mod metadata;
mod plans;
mod polkit;
mod private_bus;
mod properties;
mod query;
mod rights;
mod verbs;
