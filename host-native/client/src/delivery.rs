//! A write on its way: sent until it has an answer, applied at most once.

use std::time::Duration;

use bytes::Bytes;
use kraft_proto::ids::LogIndex;
use kraft_wire::api::{Answer, Attempt, Grade, Request, RequestRefusal, Response, Retry, Write};
use tokio::time::timeout_at;

use super::client::Client;
use super::error::ClientError;
use super::retries::{Retries, Time};
use super::routes::{Met, Redirect, does_not_lead};
use super::session_pool::Slot;

/// One write, and what is known of the copies of it that were sent.
pub(super) struct Delivery<'a> {
    client: &'a Client,
    write: Write,
    slot: Slot,
    copies: Copies,
    flight: Flight,
}

/// Whether a copy of the write may stand in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copies {
    None,
    Perhaps,
}

/// Whether a copy is on its way at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flight {
    None,
    Under,
}

/// What one attempt came to.
enum Step {
    Done(Answer),
    /// Somebody else can be asked at once.
    Redirect,
    Again,
}

impl<'a> Delivery<'a> {
    /// Prepares to send the write under the id in `slot`.
    pub fn new(client: &'a Client, write: Write, slot: Slot) -> Self {
        let copies = match slot.is_given() {
            true => Copies::Perhaps,
            false => Copies::None,
        };
        Self {
            client,
            write,
            slot,
            copies,
            flight: Flight::None,
        }
    }

    /// Sends it until it has an answer, or the time is up. `patience` is for the answer to one
    /// copy, beside the timeout that the write itself asks for.
    pub async fn run(
        &mut self,
        retries: &mut Retries,
        patience: Duration,
    ) -> Result<Answer, ClientError> {
        let asked = self.write.options.timeout_ms.unwrap_or_default();
        let patience = patience + Duration::from_millis(asked.into());
        loop {
            match self.attempt(retries, patience).await? {
                Step::Done(answer) => return Ok(answer),
                Step::Redirect if retries.may_follow() => {}
                Step::Redirect | Step::Again => {
                    if retries.pause().await == Time::Up {
                        return Err(self.time_is_up(retries));
                    }
                }
            }
        }
    }

    async fn attempt(
        &mut self,
        retries: &mut Retries,
        patience: Duration,
    ) -> Result<Step, ClientError> {
        let routes = self.client.routes();
        let until = retries.attempt_until(patience);
        let message = self.message(retries);
        self.flight = Flight::Under;
        let (address, met) = routes.ask_anyone(message, until).await;
        self.flight = Flight::None;
        match met {
            Met::NotSent(why) => retries.met(why),
            Met::NoAnswer(why) => {
                self.copies = Copies::Perhaps;
                retries.met(why);
            }
            Met::Response(Response::Answered(answer)) => match answer.grade {
                Grade::AsAsked | Grade::Fallback | Grade::TimedOut => {
                    return Ok(Step::Done(answer));
                }
                Grade::Lost => retries.met(answer.to_string()),
                Grade::Unknown => {
                    self.copies = Copies::Perhaps;
                    retries.met(answer.to_string());
                }
            },
            Met::Response(Response::Redirect { leader }) => {
                retries.met(does_not_lead(&address, leader.as_ref()));
                if routes.redirect(&address, leader) == Redirect::Known {
                    return Ok(Step::Redirect);
                }
            }
            Met::Response(Response::Refused(refusal)) => {
                retries.met(format!("{address}: {refusal}"));
                match refusal.retry() {
                    Retry::No => return Err(self.refused(refusal)),
                    Retry::Later => {}
                    Retry::Elsewhere => routes.avoid(&address),
                    Retry::InSession { opened_at } => {
                        self.change_session(refusal, opened_at, retries).await?;
                        return Ok(Step::Redirect);
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
        refusal: RequestRefusal,
        opened_at: LogIndex,
        retries: &Retries,
    ) -> Result<(), ClientError> {
        let sessions = self.client.sessions();
        sessions.retire(&self.slot.request().session, opened_at);
        if self.copies == Copies::Perhaps {
            return Err(self.refused(refusal));
        }
        self.slot = timeout_at(retries.deadline(), sessions.take())
            .await
            .map_err(|_| self.client.busy())?;
        self.write.request = *self.slot.request();
        Ok(())
    }

    /// The next copy: it says whether it is the first, and how long its answer is waited for.
    fn message(&mut self, retries: &Retries) -> Bytes {
        self.write.attempt = match self.copies {
            Copies::None => Attempt::First,
            Copies::Perhaps => Attempt::Again,
        };
        let patience = retries.patience().as_millis();
        self.write.patience_ms = Some(u32::try_from(patience).unwrap_or(u32::MAX));
        Request::Write(self.write.clone()).encode()
    }

    /// What is known of the write when nobody waits for it any more.
    pub fn interrupted(&self) -> ClientError {
        match (self.copies, self.flight) {
            (Copies::None, Flight::None) => ClientError::Interrupted,
            _ => ClientError::OutcomeUnknown {
                request: *self.slot.request(),
                last: "interrupted".to_owned(),
            },
        }
    }

    fn refused(&self, refusal: RequestRefusal) -> ClientError {
        // The number is another write's, so no copy of this one was applied under it.
        let is_anothers = refusal == RequestRefusal::RequestWasAnotherWrite;
        match self.copies {
            Copies::Perhaps if is_anothers => ClientError::Refused(refusal),
            Copies::None => ClientError::Refused(refusal),
            Copies::Perhaps => ClientError::OutcomeUnknown {
                request: *self.slot.request(),
                last: format!("this copy was refused ({refusal}), an earlier one had no answer"),
            },
        }
    }

    fn time_is_up(&self, retries: &Retries) -> ClientError {
        match self.copies {
            Copies::None => ClientError::NotWritten {
                waited: retries.waited(),
                last: retries.last().to_owned(),
            },
            Copies::Perhaps => ClientError::OutcomeUnknown {
                request: *self.slot.request(),
                last: retries.last().to_owned(),
            },
        }
    }
}
