//! Who may call what: every method that the live objects have, called by every kind of caller
//! about every kind of account.
//!
//! [`table`] is what is expected. A method that is missing there fails [`every_method_is_in_the_table`]:
//! add its line to `table::METHODS` and what it is called with to `arguments::of`.

mod arguments;
mod bad_arguments;
mod methods;
mod people;
mod polkit;
mod table;
mod walk;
