//! A caller that stays: one connection, made by one user, over which any method is called.

use std::collections::HashMap;
use std::sync::mpsc::{Sender, channel};

use bus::{BusError, CallError};
use futures_util::StreamExt;
use zbus::message::{Flags, Message, Type};
use zbus::{Connection, MessageStream, Structure, Variant};

use super::private_bus::{PrivateBus, ROOT, connect};

/// A method call in the making.
pub(super) struct Call {
    pub(super) path: String,
    pub(super) interface: String,
    pub(super) method: String,
    pub(super) arguments: Vec<Variant<'static>>,
    /// Whether the caller may be asked for a password.
    pub(super) interactive: bool,
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Answer {
    Done(#[allow(dead_code, reason = "shown when a test fails")] Message),
    /// An error of ours.
    Refused(BusError),
    /// An error of the bus, or of what decodes messages.
    Other(String),
}

type Job = (Call, Sender<zbus::Result<Message>>);

/// A thread of that user's with a connection of its own; it ends with this.
pub(super) struct Client {
    jobs: Sender<Job>,
}

impl Client {
    pub(super) fn new(bus: &PrivateBus, uid: u32) -> Self {
        let address = bus.address();
        let (jobs, waiting) = channel::<Job>();
        std::thread::spawn(move || {
            if uid != ROOT {
                let uid = rustix::process::Uid::from_raw(uid);
                rustix::thread::set_thread_res_uid(uid, uid, uid).expect("these tests need root");
            }
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let connection = runtime.block_on(connect(&address));
            let mut incoming = MessageStream::from(&connection);
            for (call, answer) in waiting {
                let reply = runtime.block_on(send(&connection, &mut incoming, call));
                // Nobody waits any more when the test has failed.
                let _ = answer.send(reply);
            }
        });
        Self { jobs }
    }

    pub(super) fn call(&self, call: Call) -> Answer {
        let (answer, reply) = channel();
        self.jobs.send((call, answer)).unwrap();
        match reply.recv().expect("the client's connection") {
            Ok(message) => Answer::Done(message),
            Err(error) => {
                let text = error.to_string();
                match CallError::from(error) {
                    CallError::Refused(refused) => Answer::Refused(refused),
                    _ => Answer::Other(text),
                }
            }
        }
    }
}

async fn send(
    connection: &Connection,
    incoming: &mut MessageStream,
    call: Call,
) -> zbus::Result<Message> {
    let flags = if call.interactive { Flags::ALLOW_INTERACTIVE_AUTH } else { Flags::empty() };
    let message = Message::method_call(call.path, call.method)
        .destination("org.roster.Accounts1")
        .interface(call.interface)
        .with_flags(flags);
    let message = if call.arguments.is_empty() {
        message.build(&())?
    } else {
        let mut body = Structure::builder();
        for argument in call.arguments {
            body.push_value(argument);
        }
        message.build(&body.build()?)?
    };
    connection.send(&message).await?;
    let serial = message.primary_header().serial_num();
    loop {
        let reply = incoming.next().await.expect("the bus has gone")?;
        if reply.header().reply_serial() != Some(serial) {
            continue;
        }
        return match reply.message_type() {
            Type::Error => Err(reply.into()),
            _ => Ok(reply),
        };
    }
}

/// The clients of a bus, one a user, made when they are needed.
#[derive(Default)]
pub(super) struct Clients(HashMap<u32, Client>);

impl Clients {
    pub(super) fn call(&mut self, bus: &PrivateBus, uid: u32, call: Call) -> Answer {
        self.0.entry(uid).or_insert_with(|| Client::new(bus, uid)).call(call)
    }
}

/// A text as an argument.
pub(super) fn text(text: &str) -> Variant<'static> {
    Variant::Str(text.to_owned().into())
}

/// A secret as an argument.
pub(super) fn secret(text: &str) -> Variant<'static> {
    Variant::Fd(bus::secret_to_fd(text.as_bytes()).unwrap().into())
}
