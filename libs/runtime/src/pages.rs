//! How a page over many workspaces is read without reading them all.
//!
//! Heads are upper bounds of each workspace's newest key. The n-th highest head below the position cuts: rows above the
//! cut can only be in workspaces whose head is above it. When that does not fill the page (a filter, deletions), the next
//! round goes on below the cut with a wider one.

use std::future::Future;

/// How much wider each round is.
const WIDEN: usize = 4;

/// Reads one page in descending order of key.
///
/// - `workspaces`: how many are in scope; when the page is not smaller, no cut is needed.
/// - `cut(below, nth)`: the `nth` highest head below a key; `None` when there are fewer.
/// - `rows(below, from, limit)`: the first `limit` rows with `from <= key < below`; no `from` means all.
///
/// # Errors
/// What `cut` and `rows` answer.
pub async fn read_page<K, R, E, C, F>(
    workspaces: usize,
    mut below: K,
    limit: usize,
    cut: impl Fn(K, i64) -> C,
    rows: impl Fn(K, Option<K>, i64) -> F,
) -> Result<Vec<R>, E>
where
    K: Copy,
    C: Future<Output = Result<Option<K>, E>>,
    F: Future<Output = Result<Vec<R>, E>>,
{
    let mut page = Vec::new();
    let mut width = limit;
    loop {
        let from = if workspaces <= width { None } else { cut(below, as_i64(width)).await? };
        page.extend(rows(below, from, as_i64(limit - page.len())).await?);
        match from {
            Some(from) if page.len() < limit => below = from,
            _ => return Ok(page),
        }
        width = width.saturating_mul(WIDEN);
    }
}

fn as_i64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
