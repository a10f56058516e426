//! Fields that people read as words and machines as numbers: `#[serde(with = "words::…")]`.

/// Words for a type with few values: each is written as `$word(value)`, and read back by looking
/// for it among `$all`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $type:ty, $all:expr, $word:expr) => {
        $(#[$doc])*
        pub mod $name {
            use serde::de::Error;
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            pub fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                if to.is_human_readable() {
                    to.collect_str(&$word(value))
                } else {
                    value.serialize(to)
                }
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                if !from.is_human_readable() {
                    return <$type>::deserialize(from);
                }
                let read = String::deserialize(from)?;
                $all.into_iter()
                    .find(|value| $word(value) == read)
                    .ok_or_else(|| D::Error::custom(format_args!("no such word: {read}")))
            }
        }
    };
}

words!(
    /// `accepted`, `written`, `synced`.
    held,
    kraft_proto::modes::Held,
    {
        use kraft_proto::modes::Held::{Accepted, Synced, Written};
        [Accepted, Written, Synced]
    },
    |value: &kraft_proto::modes::Held| value.to_string()
);

words!(
    /// `committed`, `pending`, `lost`, `unknown`.
    fate,
    kraft_proto::output::Fate,
    {
        use kraft_proto::output::Fate::{Committed, Lost, Pending, Unknown};
        [Committed, Pending, Lost, Unknown]
    },
    |value: &_| format!("{value:?}").to_lowercase()
);

words!(
    /// `follower`, `precandidate`, `candidate`, `leader`.
    role,
    kraft_proto::output::Role,
    {
        use kraft_proto::output::Role::{Candidate, Follower, Leader, PreCandidate};
        [Follower, PreCandidate, Candidate, Leader]
    },
    |value: &_| format!("{value:?}").to_lowercase()
);

words!(
    /// `probe`, `replicate`, `snapshot`.
    peer_state,
    kraft_proto::PeerState,
    {
        use kraft_proto::PeerState::{Probe, Replicate, Snapshot};
        [Probe, Replicate, Snapshot]
    },
    |value: &_| format!("{value:?}").to_lowercase()
);

words!(
    /// `clean`, `dirty`, `suspect`.
    trust,
    kraft_proto::Trust,
    {
        use kraft_proto::Trust::{Clean, Dirty, Suspect};
        [Clean, Dirty, Suspect]
    },
    |value: &_| format!("{value:?}").to_lowercase()
);

words!(
    /// `as_asked`, `fallback`, `timed_out`, `lost`, `unknown`.
    grade,
    kraft_proto::Grade,
    {
        use kraft_proto::Grade::{AsAsked, Fallback, Lost, TimedOut, Unknown};
        [AsAsked, Fallback, TimedOut, Lost, Unknown]
    },
    |value: &kraft_proto::Grade| {
        use kraft_proto::Grade::{AsAsked, Fallback, Lost, TimedOut, Unknown};
        match value {
            AsAsked => "as_asked",
            Fallback => "fallback",
            TimedOut => "timed_out",
            Lost => "lost",
            Unknown => "unknown",
        }
    }
);

/// `ASYNC`, `LEADER_ONLY`, `AT_LEAST_<n>`, `SYNC`, `ALL`.
pub mod mode {
    use kraft_proto::modes::CommitMode;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(mode: &CommitMode, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.collect_str(mode)
        } else {
            mode.serialize(to)
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<CommitMode, D::Error> {
        if from.is_human_readable() {
            String::deserialize(from)?.parse().map_err(D::Error::custom)
        } else {
            CommitMode::deserialize(from)
        }
    }
}

/// `{"mode": "SYNC", "fsync": "COMMIT"}`.
pub mod class {
    use kraft_proto::modes::Class;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Words {
        mode: String,
        fsync: String,
    }

    pub fn serialize<S: Serializer>(class: &Class, to: S) -> Result<S::Ok, S::Error> {
        if !to.is_human_readable() {
            return class.serialize(to);
        }
        let words = Words {
            mode: class.mode.to_string(),
            fsync: class.fsync.to_string(),
        };
        words.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Class, D::Error> {
        if !from.is_human_readable() {
            return Class::deserialize(from);
        }
        let words = Words::deserialize(from)?;
        Ok(Class {
            mode: words.mode.parse().map_err(D::Error::custom)?,
            fsync: words.fsync.parse().map_err(D::Error::custom)?,
        })
    }
}
