//! A write with its own durability.

use std::time::Duration;

use kraft_proto::durability::Fallback;
use kraft_proto::modes::{CommitMode, FsyncMode};
use kraft_wire::api::{Answer, Attempt, Options, Write};
use kraft_wire::command::{COMMAND_MAX, Operation, RequestId};
use kraft_wire::key_value::{Key, KeyValue, Measure, Unfit, Value};
use kraft_wire::payload::Payload;
use kraft_wire::txn::{Change, Compare, Txn};
use serde::Serialize;
use tokio::time::timeout_at;

use super::client::Client;
use super::delivery::Delivery;
use super::error::ClientError;
use super::retries::Retries;
use super::session_pool::Slot;

impl Client {
    /// Stores one key and its value.
    pub fn put(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> WriteRequest {
        self.put_many([(key, value)])
    }

    /// Stores several keys and their values as one, in the strongest class of their keys.
    pub fn put_many<K, V>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> WriteRequest
    where
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let pair = |(key, value): (K, V)| {
            Ok(KeyValue {
                key: Key::try_from(key.as_ref())?,
                value: Value::try_from(value.as_ref())?,
            })
        };
        let pairs: Result<_, Unfit> = pairs.into_iter().map(pair).collect();
        self.write(pairs.map(|pairs| Operation::Put { pairs }))
    }

    /// Removes several keys as one. A key that is not there is no error.
    pub fn delete(&self, keys: impl IntoIterator<Item = impl AsRef<[u8]>>) -> WriteRequest {
        let keys: Result<_, Unfit> = keys
            .into_iter()
            .map(|key| Key::try_from(key.as_ref()))
            .collect();
        self.write(keys.map(|keys| Operation::Delete { keys }))
    }

    /// Removes the keys that begin with `prefix`, up to [`REMOVED_MAX`](kraft_wire::command::REMOVED_MAX) of them. The
    /// answer's effect says how many there were, and whether more are left.
    pub fn delete_prefix(&self, prefix: impl AsRef<[u8]>) -> WriteRequest {
        let prefix = Key::try_from(prefix.as_ref());
        self.write(prefix.map(|prefix| Operation::DeletePrefix { prefix }))
    }

    /// Compares and sets: where `key` holds `expected` (`None`: does not exist) it holds `new` from
    /// then on (`None`: it is removed). The answer's effect says whether it did, and what it
    /// found instead.
    pub fn cas<V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        expected: Option<V>,
        new: Option<V>,
    ) -> WriteRequest {
        let value = |value: V| Value::try_from(value.as_ref());
        let txn = Key::try_from(key.as_ref()).and_then(|key| {
            let holds = expected.map(value).transpose()?;
            let change = match new.map(value).transpose()? {
                Some(value) => Change::Put(KeyValue {
                    key: key.clone(),
                    value,
                }),
                None => Change::Delete(key.clone()),
            };
            Ok(Txn {
                compare: vec![Compare { key, holds }],
                then: vec![change],
            })
        });
        self.write(txn.map(Operation::Txn))
    }

    /// Stores `value` at `key` if there is no such key. The answer's effect says whether it did.
    pub fn put_if_absent(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> WriteRequest {
        self.cas(key, None, Some(value))
    }

    /// Compares several keys and changes several, as one entry of the log. The answer's effect says whether it did, and
    /// else which key was not as said, and what it held.
    pub fn txn(&self, txn: Txn) -> WriteRequest {
        self.operation(Operation::Txn(txn))
    }

    /// Any operation of the bundled store.
    pub fn operation(&self, operation: Operation) -> WriteRequest {
        self.write(Ok(operation))
    }

    /// A command of the cluster's state machine. `C` is the command of that machine, and what it says is
    /// in [`Answer::said`].
    pub fn command<C: Serialize + ?Sized>(&self, command: &C) -> WriteRequest {
        let command = Payload::of(command);
        let fits = Measure::Command.check(command.as_bytes().len(), COMMAND_MAX);
        WriteRequest::new(self.clone(), fits.map(|()| command))
    }

    fn write(&self, operation: Result<Operation, Unfit>) -> WriteRequest {
        let operation = operation.and_then(|operation| operation.encode());
        WriteRequest::new(self.clone(), operation)
    }
}

/// A write that is not sent yet. What it does not say is decided by its keys' zones, then by the
/// cluster's defaults.
#[derive(Clone, Debug)]
#[must_use = "a write does nothing until it is sent"]
pub struct WriteRequest {
    client: Client,
    operation: Result<Payload, Unfit>,
    options: Options,
    deadline: Duration,
    request: Option<RequestId>,
}

impl WriteRequest {
    pub(super) fn new(client: Client, operation: Result<Payload, Unfit>) -> Self {
        Self {
            operation,
            options: Options::default(),
            deadline: client.settings().deadline,
            request: None,
            client,
        }
    }

    /// How many nodes must hold it before it is acknowledged.
    pub fn mode(mut self, mode: CommitMode) -> Self {
        self.options.mode = Some(mode);
        self
    }

    /// When the disk is forced for it.
    pub fn fsync(mut self, fsync: FsyncMode) -> Self {
        self.options.fsync = Some(fsync);
        self
    }

    /// How long its copies may take, in whole milliseconds, before the leader answers that the time
    /// is up, or falls back. The deadline is moved out where it would come first.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout_ms = Some(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        self.deadline = self.deadline.max(timeout + self.client.settings().patience);
        self
    }

    /// What becomes of an `All` write that only a majority holds when its timeout passes.
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.options.fallback = Some(fallback);
        self
    }

    /// Takes mode, fsync, timeout and fallback from `options`.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        match options.timeout_ms {
            Some(timeout_ms) => self.timeout(Duration::from_millis(timeout_ms.into())),
            None => self,
        }
    }

    /// How long this client tries, all retries and redirects included.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sends it as a request that was sent before and had no answer, so that it is applied at most
    /// once in all. It must be the same write.
    pub fn again_as(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// Sends it and waits for the answer.
    ///
    /// It is sent again, under the same number, to whoever leads, when a connection is lost, when a
    /// node is busy, and when the entry is lost with its leader; it is applied at most once. Dropping
    /// the future leaves its outcome unknown.
    pub async fn send(self) -> Result<Answer, ClientError> {
        let mut retries = Retries::new(self.deadline);
        let slot = match self.request {
            Some(request) => Slot::given(request),
            None => {
                let free = self.client.sessions().take();
                timeout_at(retries.deadline(), free)
                    .await
                    .map_err(|_| self.client.busy())?
            }
        };
        self.deliver(slot, &mut retries, std::future::pending())
            .await
    }

    /// The same, until `stop` is ready: then says whether a copy may have been written.
    ///
    /// # Errors
    /// As [`WriteRequest::send`], and when it was stopped.
    pub async fn send_until(self, stop: impl Future<Output = ()>) -> Result<Answer, ClientError> {
        let mut retries = Retries::new(self.deadline);
        let slot = match self.request {
            Some(request) => Slot::given(request),
            None => self
                .client
                .sessions()
                .try_take()
                .ok_or_else(|| self.client.busy())?,
        };
        self.deliver(slot, &mut retries, stop).await
    }

    /// Sends it without waiting for an answer: fire and forget.
    ///
    /// # Errors
    /// Where nothing was sent: it does not fit, or as many writes are on their way as a client keeps.
    pub fn submit(self) -> Result<(), ClientError> {
        self.submit_then(drop)
    }

    /// Sends it and calls `callback` with the answer, whenever it comes.
    ///
    /// # Errors
    /// As [`WriteRequest::submit`]; `callback` is then not called.
    pub fn submit_then(
        self,
        callback: impl FnOnce(Result<Answer, ClientError>) + Send + 'static,
    ) -> Result<(), ClientError> {
        if let Err(unfit) = self.operation {
            return Err(unfit.into());
        }
        let slot = match self.request {
            Some(request) => Slot::given(request),
            None => self
                .client
                .sessions()
                .try_take()
                .ok_or_else(|| self.client.busy())?,
        };
        let runtime = self.client.runtime().clone();
        runtime.spawn(async move {
            let mut retries = Retries::new(self.deadline);
            callback(
                self.deliver(slot, &mut retries, std::future::pending())
                    .await,
            );
        });
        Ok(())
    }

    async fn deliver(
        self,
        slot: Slot,
        retries: &mut Retries,
        stop: impl Future<Output = ()>,
    ) -> Result<Answer, ClientError> {
        let patience = self.client.settings().patience;
        let write = Write {
            request: *slot.request(),
            operation: self.operation?,
            options: self.options,
            attempt: Attempt::First,
            patience_ms: None,
        };
        let mut delivery = Delivery::new(&self.client, write, slot);
        tokio::select! {
            biased;
            ended = delivery.run(retries, patience) => return ended,
            () = stop => {}
        }
        Err(delivery.interrupted())
    }
}
