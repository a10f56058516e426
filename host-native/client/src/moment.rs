//! The state at one moment, read in several requests.

use std::sync::Arc;

use kraft_proto::ids::LogIndex;
use kraft_wire::api::{Freshness, MomentId, Request, Response};
use kraft_wire::key_value::{Key, Value};
use kraft_wire::payload::Payload;
use kraft_wire::rows::{Page, Query, Scan, View};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::Client;
use super::error::ClientError;
use super::read::Whom;

/// The state as it was at one moment, kept by one node: whatever is read of it fits together. The node lets it go when
/// the last clone of this is dropped, when this client's connection ends, when it is not read for half a minute, and after
/// ten minutes.
#[derive(Clone)]
pub struct Moment {
    kept: Arc<Kept>,
}

struct Kept {
    client: Client,
    address: String,
    id: MomentId,
    read_at: LogIndex,
}

impl Client {
    /// Has a node keep the state as it is now, to be read in several requests; it has what [`Client::get`] sees.
    ///
    /// # Errors
    /// If the node keeps too many already, or nobody answered in time.
    pub async fn moment(&self) -> Result<Moment, ClientError> {
        self.moment_as(Freshness::Linearizable).await
    }

    /// Has a node keep the state as it is now, as fresh as asked for.
    ///
    /// # Errors
    /// As [`Client::moment`].
    pub async fn moment_as(&self, freshness: Freshness) -> Result<Moment, ClientError> {
        let request = Request::KeepMoment { freshness };
        let kept = self.read_of(self.whom(), &request, |response| match response {
            Response::MomentKept { moment, read_at } => Some((moment, read_at)),
            _ => None,
        });
        let (address, (id, read_at)) = kept.await?;
        Ok(Moment {
            kept: Arc::new(Kept {
                client: self.clone(),
                address,
                id,
                read_at,
            }),
        })
    }
}

impl Moment {
    /// The last entry it has.
    pub fn read_at(&self) -> LogIndex {
        self.kept.read_at
    }

    /// Reads `key` as it was.
    ///
    /// # Errors
    /// If the key does not fit, the moment is not kept any more, or its node did not answer in time.
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>, ClientError> {
        let query = Query::Get(Key::try_from(key.as_ref())?);
        self.query_for(&query, |view| match view {
            View::Value(value) => Some(value),
            View::Page(_) | View::Values(_) => None,
        })
        .await
    }

    /// Reads one page of keys as they were, in order.
    ///
    /// # Errors
    /// If more rows are asked for than a page may have, the moment is not kept any more, or its node did not answer in
    /// time.
    pub async fn scan(&self, scan: Scan) -> Result<Page, ClientError> {
        scan.check()?;
        self.query_for(&Query::Scan(scan), |view| match view {
            View::Page(page) => Some(page),
            View::Value(_) | View::Values(_) => None,
        })
        .await
    }

    /// Asks the cluster's state machine as it was. `Q` and `V` are the query and the view of that machine.
    ///
    /// # Errors
    /// If the machine refuses the query, the moment is not kept any more, or its node did not answer in time with such a
    /// view.
    pub async fn query<Q, V>(&self, query: &Q) -> Result<V, ClientError>
    where
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        self.query_for(query, Some).await
    }

    async fn query_for<Q, V, T>(
        &self,
        query: &Q,
        wanted: impl Fn(V) -> Option<T>,
    ) -> Result<T, ClientError>
    where
        Q: Serialize + ?Sized,
        V: Serialize + DeserializeOwned,
    {
        let request = Request::QueryMoment {
            query: Payload::of(query),
            moment: self.kept.id,
        };
        let whom = Whom::Keeper(&self.kept.address);
        let read = self
            .kept
            .client
            .read_of(whom, &request, |response| match response {
                Response::View { view, .. } => wanted(view.read().ok()?),
                _ => None,
            });
        Ok(read.await?.1)
    }
}

/// Tells the node, without waiting. A word that does not arrive costs the node half a minute of memory.
impl Drop for Kept {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (client, address, moment) = (self.client.clone(), self.address.clone(), self.id);
        runtime.spawn(async move {
            let request = Request::EndMoment { moment };
            let end = client.read_of(Whom::Node(&address), &request, |response| match response {
                Response::MomentEnded => Some(()),
                _ => None,
            });
            let _ = end.await;
        });
    }
}
