//! Exactly once: a request takes effect at one place of the log, on every node and after every start,
//! however often it was asked for; and whoever is answered hears what it did there.

use super::Verdict;
use crate::sim::event::Event;
use crate::sim::sessions::{Applied, Request};
use crate::sim::table::Table;

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    /// Where each took effect, and with what answer.
    effects: Table<Request, (u64, u64)>,
}

impl Oracle {
    pub fn see(&mut self, event: &Event<'_>) -> Verdict {
        match *event {
            Event::Applied {
                node,
                index,
                request,
                applied: Applied::Now(answer),
            } => {
                let known = *self.effects.or_insert(request, (index, answer));
                if known != (index, answer) {
                    return Err(format!(
                        "{} takes effect on node {} at {index} with answer {answer}, and did at {} with {}",
                        named(request),
                        node + 1,
                        known.0,
                        known.1
                    ));
                }
                Ok(())
            }
            Event::Applied {
                node,
                request,
                applied: Applied::Before(answer),
                ..
            } => self.compare(request, answer, || format!("node {}", node + 1)),
            Event::Replied { request, answer } => {
                self.compare(request, answer, || "a client".to_string())
            }
            _ => Ok(()),
        }
    }

    fn compare(&self, request: Request, answer: u64, who: impl Fn() -> String) -> Verdict {
        let effect = self.effects.get(request);
        match effect {
            Some((_, known)) if *known == answer => Ok(()),
            Some((index, known)) => Err(format!(
                "{} has {answer} as the answer of {}, which was {known} at {index}",
                who(),
                named(request)
            )),
            None => Err(format!(
                "{} has {answer} as the answer of {}, which never took effect",
                who(),
                named(request)
            )),
        }
    }
}

fn named(request: Request) -> String {
    format!("request {} of session {}", request.number, request.session)
}
