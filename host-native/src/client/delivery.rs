//! A write on its way: sent until it has an answer, applied at most once.

use std::time::Duration;

use bytes::Bytes;
use kraft_proto::ids::LogIndex;
use tokio::time::timeout_at;

use super::lanes::Slot;
use super::routes::{Hop, Met};
use super::trip::{Time, Trip};
use super::{Client, ClientError};
use crate::api::{Answer, Grade, Refusal, Request, Response, Retry, Write};

/// One write, and what is known of the copies of it that were sent.
pub(super) struct Delivery<'a> {
    client: &'a Client,
    write: Write,
    message: Bytes,
    slot: Slot,
    copies: Copies,
}

/// Whether a copy of the write may stand in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copies {
    None,
    Perhaps,
}

/// What one attempt came to.
enum Step {
    Done(Answer),
    /// Somebody else can be asked at once.
    Hop,
    Again,
}

impl<'a> Delivery<'a> {
    /// Measures the write and prepares to send it under the id in `slot`.
    pub fn new(client: &'a Client, write: Write, slot: Slot) -> Result<Self, ClientError> {
        write.operation.check()?;
        let copies = match slot.is_given() {
            true => Copies::Perhaps,
            false => Copies::None,
        };
        Ok(Self {
            message: Request::Write(write.clone()).encode(),
            client,
            write,
            slot,
            copies,
        })
    }

    /// Sends it until it has an answer, or the time is up. `patience` is for the answer to one
    /// copy, beside the timeout that the write itself asks for.
    pub async fn run(
        &mut self,
        trip: &mut Trip,
        patience: Duration,
    ) -> Result<Answer, ClientError> {
        let asked = self.write.options.timeout_ms.unwrap_or_default();
        let patience = patience + Duration::from_millis(asked.into());
        loop {
            match self.attempt(trip, patience).await? {
                Step::Done(answer) => return Ok(answer),
                Step::Hop if trip.may_hop() => {}
                Step::Hop | Step::Again => {
                    if trip.pause().await == Time::Up {
                        return Err(self.time_is_up(trip));
                    }
                }
            }
        }
    }

    async fn attempt(&mut self, trip: &mut Trip, patience: Duration) -> Result<Step, ClientError> {
        let routes = self.client.routes();
        let address = routes.target();
        let until = trip.attempt_until(patience);
        match routes.ask(&address, self.message.clone(), until).await {
            Met::NotSent(why) => trip.met(why),
            Met::NoAnswer(why) => {
                self.copies = Copies::Perhaps;
                trip.met(why);
            }
            Met::Response(Response::Answered(answer)) => match answer.grade {
                Grade::AsAsked | Grade::Fallback | Grade::TimedOut => {
                    return Ok(Step::Done(answer));
                }
                Grade::Lost => trip.met(answer.to_string()),
                Grade::Unknown => {
                    self.copies = Copies::Perhaps;
                    trip.met(answer.to_string());
                }
            },
            Met::Response(Response::Redirect { leader }) => {
                trip.met(format!("{address} does not lead"));
                if routes.redirect(&address, leader) == Hop::Known {
                    return Ok(Step::Hop);
                }
            }
            Met::Response(Response::Refused(refusal)) => {
                trip.met(format!("{address}: {refusal}"));
                match refusal.retry() {
                    Retry::No => return Err(self.refused(refusal)),
                    Retry::Later => {}
                    Retry::Elsewhere => routes.avoid(&address),
                    Retry::InSession { opened_at } => {
                        self.change_session(refusal, opened_at, trip).await?;
                        return Ok(Step::Hop);
                    }
                }
            }
            Met::Response(_) => {
                return Err(ClientError::OutcomeUnknown {
                    request: *self.slot.request(),
                    last: format!("{address} answered something else than was asked"),
                });
            }
        }
        Ok(Step::Again)
    }

    /// Goes on under a new session: only while no copy under the old one can have been written, or
    /// the write could be applied twice.
    async fn change_session(
        &mut self,
        refusal: Refusal,
        opened_at: LogIndex,
        trip: &Trip,
    ) -> Result<(), ClientError> {
        let lanes = self.client.lanes();
        lanes.retire(&self.slot.request().session, opened_at);
        if self.copies == Copies::Perhaps {
            return Err(self.refused(refusal));
        }
        self.slot = timeout_at(trip.deadline(), lanes.take())
            .await
            .map_err(|_| self.client.busy())?;
        self.write.request = *self.slot.request();
        self.message = Request::Write(self.write.clone()).encode();
        Ok(())
    }

    fn refused(&self, refusal: Refusal) -> ClientError {
        match self.copies {
            Copies::None => ClientError::Refused(refusal),
            Copies::Perhaps => ClientError::OutcomeUnknown {
                request: *self.slot.request(),
                last: format!("this copy was refused ({refusal}), an earlier one had no answer"),
            },
        }
    }

    fn time_is_up(&self, trip: &Trip) -> ClientError {
        match self.copies {
            Copies::None => ClientError::NotWritten {
                waited: trip.waited(),
                last: trip.last().to_owned(),
            },
            Copies::Perhaps => ClientError::OutcomeUnknown {
                request: *self.slot.request(),
                last: trip.last().to_owned(),
            },
        }
    }
}
