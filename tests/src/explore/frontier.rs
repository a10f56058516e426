//! Worlds that wait for their visit, and in which order they get it.

use std::collections::VecDeque;

/// Which world comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The one fewest moves away: what is found is found by a shortest way.
    Shortest,
    /// The one with the most messages. It [covers](super::covered) the most others, most of which
    /// are then never visited: a bound is exhausted several times sooner.
    Largest,
}

/// Worlds that wait.
pub struct Frontier<W> {
    order: Order,
    /// By how many messages they have, or all in one.
    waiting: Vec<VecDeque<W>>,
    len: usize,
}

impl<W> Frontier<W> {
    /// Nobody waits.
    pub fn new(order: Order) -> Self {
        Self {
            order,
            waiting: Vec::new(),
            len: 0,
        }
    }

    /// A world with so many messages waits.
    pub fn push(&mut self, messages: usize, world: W) {
        let place = match self.order {
            Order::Shortest => 0,
            Order::Largest => messages,
        };
        while self.waiting.len() <= place {
            self.waiting.push(VecDeque::new());
        }
        self.waiting[place].push_back(world);
        self.len += 1;
    }

    /// The next.
    pub fn pop(&mut self) -> Option<W> {
        let next = match self.order {
            Order::Shortest => self.waiting.last_mut()?.pop_front(),
            Order::Largest => {
                while self.waiting.last()?.is_empty() {
                    self.waiting.pop();
                }
                self.waiting.last_mut()?.pop_back()
            }
        };
        self.len -= usize::from(next.is_some());
        next
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_first_or_the_largest_network() {
        let drained = |order| {
            let mut frontier = Frontier::new(order);
            for world in [(3, 'a'), (9, 'b'), (3, 'c')] {
                frontier.push(world.0, world.1);
            }
            assert_eq!(frontier.len(), 3);
            std::iter::from_fn(|| frontier.pop()).collect::<String>()
        };
        assert_eq!(drained(Order::Shortest), "abc");
        assert_eq!(drained(Order::Largest), "bca");
    }
}
