//! Reads: of keys, and of what nodes know.

use std::time::Duration;

use bytes::Bytes;
use kraft_proto::ids::{LogPosition, NodeId};
use kraft_proto::output::Fate;
use kraft_wire::api::{
    ChangeMembers, DigestReport, FateReport, Freshness, LeadsReport, MembersReport, Request,
    RequestRefusal, Response, Retry, SnapshotOffer, StatusReport, TestSwitch,
};
use kraft_wire::key_value::{Key, Measure, Unfit, Value};
use kraft_wire::payload::Payload;
use kraft_wire::rows::{KEYS_PER_READ_MAX, Page, Query, Scan, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::client::Client;
use super::error::{Asked, ClientError};
use super::retries::{Retries, Time};
use super::routes::{Met, Redirect, does_not_lead};

/// How often it is asked whether a snapshot is made.
const SNAPSHOT_PACE: Duration = Duration::from_millis(200);

/// Who may answer.
#[derive(Clone, Copy)]
pub(super) enum Whom<'a> {
    /// Whoever can: the leader is looked for, until the deadline.
    Anyone,
    /// This node alone, asked once.
    Node(&'a str),
    /// This node alone, until the deadline: it keeps what no other has.
    Keeper(&'a str),
}

/// What one attempt came to.
enum Read {
    Response(Response),
    /// Somebody else is known to lead.
    Redirect,
    Again,
}

impl Client {
    /// Reads `key`: sees every write acknowledged as Sync or stronger before.
    ///
    /// # Errors
    /// If the key does not fit, or nobody answered in time.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>, ClientError> {
        self.get_as(key, Freshness::Linearizable).await
    }

    /// Reads `key`, as fresh as asked for.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn get_as(
        &self,
        key: impl AsRef<[u8]>,
        freshness: Freshness,
    ) -> Result<Option<Value>, ClientError> {
        let query = Query::Get(Key::try_from(key.as_ref())?);
        self.query_for(&query, freshness, |view| match view {
            View::Value(value) => Some(value),
            View::Page(_) | View::Values(_) => None,
        })
        .await
    }

    /// Reads several keys as they are at one moment, in the order they are named; sees what [`Client::get`] sees.
    ///
    /// # Errors
    /// If a key does not fit, if they or their values are too many for one answer, or nobody answered in time.
    pub async fn get_many(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Vec<Option<Value>>, ClientError> {
        self.get_many_as(keys, Freshness::Linearizable).await
    }

    /// Reads several keys as they are at one moment, as fresh as asked for.
    ///
    /// # Errors
    /// As [`Client::get_many`].
    pub async fn get_many_as(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<[u8]>>,
        freshness: Freshness,
    ) -> Result<Vec<Option<Value>>, ClientError> {
        let keys = keys.into_iter().map(|key| Key::try_from(key.as_ref()));
        let keys: Vec<Key> = keys.collect::<Result<_, Unfit>>()?;
        let count = keys.len();
        Measure::KeysRead.check(count, KEYS_PER_READ_MAX)?;
        self.query_for(&Query::GetMany(keys), freshness, |view| match view {
            View::Values(values) => (values.len() == count).then_some(values),
            View::Value(_) | View::Page(_) => None,
        })
        .await
    }

    /// Reads one page of keys, in order; sees what [`Client::get`] sees.
    ///
    /// # Errors
    /// If more rows are asked for than a page may have, or nobody answered in time.
    pub async fn scan(&self, scan: Scan) -> Result<Page, ClientError> {
        self.scan_as(scan, Freshness::Linearizable).await
    }

    /// Reads one page of keys, as fresh as asked for.
    ///
    /// # Errors
    /// As [`Client::scan`].
    pub async fn scan_as(&self, scan: Scan, freshness: Freshness) -> Result<Page, ClientError> {
        scan.check()?;
        self.query_for(&Query::Scan(scan), freshness, |view| match view {
            View::Page(page) => Some(page),
            View::Value(_) | View::Values(_) => None,
        })
        .await
    }

    /// Asks the cluster's state machine: sees every write acknowledged as Sync or stronger before. `Q`
    /// and `V` are the query and the view of that machine.
    ///
    /// # Errors
    /// If the machine refuses the query, or nobody answered in time with such a view.
    pub async fn query<Q, V>(&self, query: &Q) -> Result<V, ClientError>
    where
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        self.query_as(query, Freshness::Linearizable).await
    }

    /// Asks the cluster's state machine, for a view as fresh as asked for.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub async fn query_as<Q, V>(&self, query: &Q, freshness: Freshness) -> Result<V, ClientError>
    where
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        self.query_for(query, freshness, Some).await
    }

    async fn query_for<Q, V, T>(
        &self,
        query: &Q,
        freshness: Freshness,
        wanted: impl Fn(V) -> Option<T>,
    ) -> Result<T, ClientError>
    where
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        let query = Payload::of(query);
        let request = Request::Query { query, freshness };
        self.read(self.whom(), &request, |response| match response {
            Response::View { view, .. } => wanted(view.read().ok()?),
            _ => None,
        })
        .await
    }

    /// What became of the entry at `position`, as the node that answers first knows it.
    ///
    /// # Errors
    /// If nobody answered in time.
    pub async fn fate(&self, position: LogPosition) -> Result<FateReport, ClientError> {
        self.fate_by(Whom::Anyone, position).await
    }

    /// What became of the entry at `position`, as the node at `address` knows it.
    ///
    /// # Errors
    /// If it did not answer in time.
    pub async fn fate_of(
        &self,
        address: &str,
        position: LogPosition,
    ) -> Result<FateReport, ClientError> {
        self.fate_by(Whom::Node(address), position).await
    }

    /// Waits until the entry at `position` is committed, lost or unknown, for `patience` at most, and
    /// says what is known then: pending, if the time was up. A client that has its early answer
    /// awaits the stronger one: on the disks of a majority.
    ///
    /// # Errors
    /// If nobody answered in time.
    pub async fn await_commit(
        &self,
        position: LogPosition,
        patience: Duration,
    ) -> Result<FateReport, ClientError> {
        let until = Instant::now() + patience;
        // An answer is to come before this client gives the node up.
        let longest = self.settings().patience_read / 2;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let request = Request::Await {
                position,
                timeout_ms: u32::try_from(left.min(longest).as_millis()).unwrap_or(u32::MAX),
            };
            let report = self.read(Whom::Anyone, &request, |response| match response {
                Response::Fate(report) => Some(report),
                _ => None,
            });
            let report = report.await?;
            if report.fate != Fate::Pending || left.is_zero() {
                return Ok(report);
            }
        }
    }

    /// How the node at `address` sees itself and the cluster.
    ///
    /// # Errors
    /// If it did not answer in time.
    pub async fn status(&self, address: &str) -> Result<StatusReport, ClientError> {
        self.read(
            Whom::Node(address),
            &Request::Status,
            |response| match response {
                Response::Status(status) => Some(*status),
                _ => None,
            },
        )
        .await
    }

    /// The digest of the state of the node at `address`.
    ///
    /// # Errors
    /// If it did not answer in time.
    pub async fn digest(&self, address: &str) -> Result<DigestReport, ClientError> {
        self.read(
            Whom::Node(address),
            &Request::Digest,
            |response| match response {
                Response::Digest(digest) => Some(digest),
                _ => None,
            },
        )
        .await
    }

    /// Has node `to` lead, or the one that could take over soonest; says who leads then. Asking for
    /// one that leads already changes nothing.
    ///
    /// # Errors
    /// If leadership cannot go there, the node did not take over in time, or nobody answered.
    pub async fn transfer(&self, to: Option<NodeId>) -> Result<LeadsReport, ClientError> {
        let request = Request::Transfer { to };
        self.read(Whom::Anyone, &request, |response| match response {
            Response::Leads(report) => Some(report),
            _ => None,
        })
        .await
    }

    /// Who is in the cluster and where, as whoever answers knows it; how far each lags, only the leader does.
    ///
    /// # Errors
    /// If nobody answered.
    pub async fn members(&self) -> Result<MembersReport, ClientError> {
        self.read(Whom::Anyone, &Request::Members, |response| match response {
            Response::Members(report) => Some(*report),
            _ => None,
        })
        .await
    }

    /// Changes who is in the cluster, or where they are; says who is once the change is committed. What was changed by an
    /// earlier copy of the same request is not changed again.
    ///
    /// # Errors
    /// If the change is refused, with what would be lost, or nobody answered.
    pub async fn change_members(&self, asked: ChangeMembers) -> Result<MembersReport, ClientError> {
        let request = Request::ChangeMembers(asked);
        self.read(Whom::Anyone, &request, |response| match response {
            Response::Members(report) => Some(*report),
            _ => None,
        })
        .await
    }

    /// Has the node at `address` make a snapshot of its state, of now or later, and waits for it, for `patience` at most.
    ///
    /// # Errors
    /// If it has nothing to make one of, could not make it, or did not answer or was not done in time.
    pub async fn snapshot(
        &self,
        address: &str,
        patience: Duration,
    ) -> Result<SnapshotOffer, ClientError> {
        let began = Instant::now();
        let mut through = None;
        loop {
            let request = Request::Snapshot { through };
            let answer = self.read(Whom::Node(address), &request, |response| match response {
                Response::Snapshot(offer) => Some(Ok(offer)),
                Response::SnapshotPending { through } => Some(Err(through)),
                _ => None,
            });
            match answer.await? {
                Ok(offer) => return Ok(offer),
                Err(entry) => through = Some(entry),
            }
            if began.elapsed() >= patience {
                return Err(ClientError::NotRead {
                    asked: Asked::Snapshot,
                    waited: began.elapsed(),
                    last: format!("{address}: the snapshot is still being made"),
                });
            }
            tokio::time::sleep(SNAPSHOT_PACE).await;
        }
    }

    /// Bytes of the file of a snapshot of the node at `address`, from `offset` on: fewer than
    /// [`PIECE_MAX`](kraft_wire::api::PIECE_MAX) at its end, none behind it.
    ///
    /// # Errors
    /// If it has no such snapshot any more, or did not answer in time.
    pub async fn snapshot_piece(
        &self,
        address: &str,
        last: LogPosition,
        offset: u64,
    ) -> Result<Vec<u8>, ClientError> {
        let request = Request::SnapshotPiece { last, offset };
        self.read(Whom::Node(address), &request, |response| match response {
            Response::SnapshotPiece(bytes) => Some(bytes),
            _ => None,
        })
        .await
    }

    /// Sets the test switch of the node at `address`.
    ///
    /// # Errors
    /// If it was started without one, or did not answer in time.
    pub async fn test(&self, address: &str, switch: TestSwitch) -> Result<(), ClientError> {
        self.read(
            Whom::Node(address),
            &Request::Test(switch),
            |response| match response {
                Response::Switched => Some(()),
                _ => None,
            },
        )
        .await
    }

    async fn fate_by(
        &self,
        whom: Whom<'_>,
        position: LogPosition,
    ) -> Result<FateReport, ClientError> {
        let request = Request::Fate { position };
        self.read(whom, &request, |response| match response {
            Response::Fate(report) => Some(report),
            _ => None,
        })
        .await
    }

    /// Whom this client's queries are asked of.
    pub(super) fn whom(&self) -> Whom<'_> {
        self.reads_at.as_deref().map_or(Whom::Anyone, Whom::Node)
    }

    /// Asks until somebody gives the answer that `expected` picks.
    async fn read<T>(
        &self,
        whom: Whom<'_>,
        request: &Request,
        expected: impl Fn(Response) -> Option<T>,
    ) -> Result<T, ClientError> {
        Ok(self.read_of(whom, request, expected).await?.1)
    }

    /// The same, and says who gave it.
    pub(super) async fn read_of<T>(
        &self,
        whom: Whom<'_>,
        request: &Request,
        expected: impl Fn(Response) -> Option<T>,
    ) -> Result<(String, T), ClientError> {
        let message = request.encode();
        let mut retries = Retries::new(self.settings().deadline);
        loop {
            let (address, read) = self.read_once(whom, message.clone(), &mut retries).await?;
            match read {
                Read::Response(response) => match expected(response) {
                    Some(wanted) => return Ok((address, wanted)),
                    None => {
                        retries.met(format!("{address} answered something else than was asked"))
                    }
                },
                Read::Redirect if retries.may_follow() => continue,
                Read::Redirect | Read::Again => {}
            }
            if matches!(whom, Whom::Node(_)) || retries.pause().await == Time::Up {
                return Err(ClientError::NotRead {
                    asked: asked_by(request),
                    waited: retries.waited(),
                    last: retries.last().to_owned(),
                });
            }
        }
    }

    async fn read_once(
        &self,
        whom: Whom<'_>,
        message: Bytes,
        retries: &mut Retries,
    ) -> Result<(String, Read), ClientError> {
        let until = retries.attempt_until(self.settings().patience_read);
        let (address, met) = match whom {
            Whom::Anyone => self.routes().ask_anyone(message, until).await,
            Whom::Node(address) | Whom::Keeper(address) => {
                let met = self.routes().ask(address, message, until).await;
                (address.to_owned(), met)
            }
        };
        let read = match met {
            Met::NotSent(why) | Met::NoAnswer(why) => {
                retries.met(why);
                Read::Again
            }
            Met::Response(Response::Redirect { leader }) => {
                retries.met(does_not_lead(&address, leader.as_ref()));
                match self.routes().redirect(&address, leader) {
                    Redirect::Known => Read::Redirect,
                    Redirect::Unknown => Read::Again,
                }
            }
            Met::Response(Response::Refused(refusal)) => {
                self.take_refusal(&address, refusal, retries)?;
                Read::Again
            }
            Met::Response(response) => Read::Response(response),
        };
        Ok((address, read))
    }

    fn take_refusal(
        &self,
        address: &str,
        refusal: RequestRefusal,
        retries: &mut Retries,
    ) -> Result<(), ClientError> {
        match refusal.retry() {
            Retry::Later => {}
            Retry::Elsewhere => self.routes().avoid(address),
            Retry::No | Retry::InSession { .. } => return Err(ClientError::Refused(refusal)),
        }
        retries.met(format!("{address}: {refusal}"));
        Ok(())
    }
}

/// What is so where a request has no answer.
const fn asked_by(request: &Request) -> Asked {
    match request {
        Request::Query { .. }
        | Request::KeepMoment { .. }
        | Request::QueryMoment { .. }
        | Request::EndMoment { .. }
        | Request::Write(_) => Asked::Data,
        Request::Fate { .. } | Request::Await { .. } => Asked::Fate,
        Request::Status | Request::Digest | Request::Test(_) => Asked::Node,
        Request::Transfer { .. } => Asked::Transfer,
        Request::Members => Asked::Members,
        Request::Snapshot { .. } | Request::SnapshotPiece { .. } => Asked::Snapshot,
        Request::ChangeMembers(_) => Asked::MembersChange,
    }
}
