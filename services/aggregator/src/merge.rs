//! Merges ordered pages of several sources into one. Pure.

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

/// The first rows of several pages.
pub(crate) struct Merged<T> {
    /// At most as many as were asked for, in descending order.
    pub(crate) rows: Vec<T>,
    /// How many rows were taken from each page.
    pub(crate) taken: Vec<usize>,
}

/// Merges pages that are each in descending order, up to a number of rows.
pub(crate) fn merge<T>(pages: Vec<Vec<(SortKey, T)>>, limit: usize) -> Merged<T> {
    let mut taken = vec![0; pages.len()];
    let mut pages: Vec<_> = pages.into_iter().map(Vec::into_iter).collect();
    let mut heads: BinaryHeap<Head<T>> = BinaryHeap::with_capacity(pages.len());
    for (page, rows) in pages.iter_mut().enumerate() {
        heads.extend(rows.next().map(|(key, row)| Head { key, page, row }));
    }
    let mut rows = Vec::with_capacity(limit);
    while rows.len() < limit
        && let Some(Head { page, row, .. }) = heads.pop()
    {
        rows.push(row);
        taken[page] += 1;
        heads.extend(pages[page].next().map(|(key, row)| Head { key, page, row }));
    }
    Merged { rows, taken }
}

struct Head<T> {
    key: SortKey,
    page: usize,
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
        (self.key, self.page).cmp(&(other.key, other.page))
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

    fn pages() -> impl Strategy<Value = Vec<Vec<SortKey>>> {
        prop::collection::vec(prop::collection::vec(key(), 0..20), 0..6).prop_map(|mut pages| {
            for page in &mut pages {
                page.sort_unstable_by(|a, b| b.cmp(a));
            }
            pages
        })
    }

    proptest! {
        #[test]
        fn merging_is_sorting_everything_and_taking_the_first(pages in pages(), limit in 0_usize..40) {
            let mut wanted: Vec<SortKey> = pages.concat();
            wanted.sort_unstable_by(|a, b| b.cmp(a));
            wanted.truncate(limit);
            let keyed = pages.iter().map(|page| page.iter().map(|key| (*key, *key)).collect()).collect();
            let merged = merge(keyed, limit);
            prop_assert_eq!(&merged.rows, &wanted);
            let mut taken: Vec<SortKey> =
                pages.iter().zip(&merged.taken).flat_map(|(page, n)| &page[..*n]).copied().collect();
            taken.sort_unstable_by(|a, b| b.cmp(a));
            prop_assert_eq!(taken, wanted);
        }
    }
}
