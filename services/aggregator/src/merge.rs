//! Merges the ordered parts of several sources into one page. Pure.

use std::{cmp::Ordering, collections::BinaryHeap};

use uuid::Uuid;

/// The sort key of a row: lists are in descending order of it. Total, since ids are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SortKey {
    /// Microseconds since 1970; 0 in a list that is ordered by id alone.
    pub(crate) time_us: i64,
    /// The row's id.
    pub(crate) id: Uuid,
}

/// What one source gives of a list.
pub(crate) struct Part<T> {
    /// In descending order.
    pub(crate) rows: Vec<(SortKey, T)>,
    /// Whether the source has rows after these.
    pub(crate) more: bool,
}

/// The first rows of several parts.
pub(crate) struct Merged<T> {
    /// In descending order, at most as many as were asked for.
    pub(crate) rows: Vec<T>,
    /// How many rows were taken from each part.
    pub(crate) taken: Vec<usize>,
}

/// How much a merged page may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Rows.
    pub(crate) rows: usize,
    /// Bytes of the rows; the first row always fits.
    pub(crate) bytes: usize,
}

/// Merges parts up to a limit. It ends where a part ends whose source has more: the next row may be there.
pub(crate) fn merge<T>(
    parts: Vec<Part<T>>,
    limit: Limit,
    bytes_of: impl Fn(&T) -> usize,
) -> Merged<T> {
    let mut taken = vec![0; parts.len()];
    let more: Vec<bool> = parts.iter().map(|part| part.more).collect();
    let mut parts: Vec<_> = parts.into_iter().map(|part| part.rows.into_iter()).collect();
    let mut heads: BinaryHeap<Head<T>> = BinaryHeap::with_capacity(parts.len());
    for (part, rows) in parts.iter_mut().enumerate() {
        heads.extend(rows.next().map(|(key, row)| Head { key, part, row }));
    }
    let (mut rows, mut bytes) = (Vec::with_capacity(limit.rows), 0);
    while rows.len() < limit.rows
        && let Some(Head { part, row, .. }) = heads.pop()
    {
        bytes += bytes_of(&row);
        if bytes > limit.bytes && !rows.is_empty() {
            break;
        }
        rows.push(row);
        taken[part] += 1;
        match parts[part].next() {
            Some((key, row)) => heads.push(Head { key, part, row }),
            None if more[part] => break,
            None => {}
        }
    }
    Merged { rows, taken }
}

struct Head<T> {
    key: SortKey,
    part: usize,
    row: T,
}

impl<T> PartialEq for Head<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Head<T> {}

impl<T> PartialOrd for Head<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Head<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.key, self.part).cmp(&(other.key, other.part))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> impl Strategy<Value = SortKey> {
        (0_i64..20, 0_u128..1_000)
            .prop_map(|(time_us, id)| SortKey { time_us, id: Uuid::from_u128(id) })
    }

    fn parts() -> impl Strategy<Value = Vec<Vec<SortKey>>> {
        prop::collection::vec(prop::collection::vec(key(), 0..20), 0..6).prop_map(|mut parts| {
            for part in &mut parts {
                part.sort_unstable_by(|a, b| b.cmp(a));
            }
            parts
        })
    }

    fn part(keys: &[SortKey], more: bool) -> Part<SortKey> {
        Part { rows: keys.iter().map(|key| (*key, *key)).collect(), more }
    }

    fn sorted(parts: &[Vec<SortKey>]) -> Vec<SortKey> {
        let mut all = parts.concat();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all
    }

    const ANY_SIZE: fn(&SortKey) -> usize = |_| 0;

    proptest! {
        #[test]
        fn merging_is_sorting_everything_and_taking_the_first(parts in parts(), rows in 0_usize..40) {
            let mut wanted = sorted(&parts);
            wanted.truncate(rows);
            let whole = parts.iter().map(|keys| part(keys, false)).collect();
            let merged = merge(whole, Limit { rows, bytes: 0 }, ANY_SIZE);
            prop_assert_eq!(&merged.rows, &wanted);
            let mut taken: Vec<SortKey> =
                parts.iter().zip(&merged.taken).flat_map(|(keys, n)| &keys[..*n]).copied().collect();
            taken.sort_unstable_by(|a, b| b.cmp(a));
            prop_assert_eq!(taken, wanted);
        }

        /// Whatever each source holds back, page after page gives everything, in order.
        #[test]
        fn pages_of_parts_that_are_cut_short_give_everything_once(
            parts in parts(),
            rows in 1_usize..10,
            given in 1_usize..5,
        ) {
            let mut at = vec![0; parts.len()];
            let mut all = Vec::new();
            loop {
                let cut = parts.iter().zip(&at).map(|(keys, from)| {
                    let to = keys.len().min(from + given);
                    part(&keys[*from..to], to < keys.len())
                });
                let merged = merge(cut.collect(), Limit { rows, bytes: 3 }, |_| 1);
                if merged.rows.is_empty() {
                    break;
                }
                prop_assert!(merged.rows.len() <= rows.min(3));
                all.extend(merged.rows);
                for (at, taken) in at.iter_mut().zip(merged.taken) {
                    *at += taken;
                }
            }
            prop_assert_eq!(all, sorted(&parts));
        }
    }
}
