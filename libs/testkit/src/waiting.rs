//! Waiting for what happens by itself. Every wait ends, and one that ends in vain says what it waited for and what it saw.

use std::{fmt::Debug, time::Duration};

use tokio::time::{sleep, timeout};

/// Longer than anything takes that works, on a machine with other work to do.
const PATIENCE: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_millis(20);

/// The result of a look: either the awaited value, or the value seen instead.
pub trait Look {
    /// What is waited for.
    type Found;

    /// What is waited for, or what was seen instead.
    ///
    /// # Errors
    /// With what was seen instead.
    fn found(self) -> Result<Self::Found, String>;
}

impl Look for bool {
    type Found = ();

    fn found(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("that it does not hold".to_owned()) }
    }
}

impl<T, E: Debug> Look for Result<T, E> {
    type Found = T;

    fn found(self) -> Result<T, String> {
        self.map_err(|seen| format!("{seen:?}"))
    }
}

/// Looks again and again until a look finds what is waited for.
///
/// # Panics
/// When that takes longer than a minute, with `what` and with what the last look that ended saw.
pub async fn eventually<F>(what: &str, look: impl FnMut() -> F) -> <F::Output as Look>::Found
where
    F: Future<Output: Look>,
{
    look_for(PATIENCE, what, look).await
}

async fn look_for<F>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> <F::Output as Look>::Found
where
    F: Future<Output: Look>,
{
    let mut seen = None;
    let waiting = async {
        loop {
            match look().await.found() {
                Ok(found) => return found,
                Err(instead) => seen = Some(instead),
            }
            sleep(STEP).await;
        }
    };
    let found = timeout(patience, waiting).await;
    found.unwrap_or_else(|_| match seen {
        Some(seen) => panic!("never: {what}; seen last: {seen}"),
        None => panic!("never: {what}; not even a first look ended"),
    })
}

/// Looks again and again until this is seen.
///
/// # Panics
/// As [`eventually`].
pub async fn until_eq<T, F>(what: &str, wanted: T, look: impl FnMut() -> F)
where
    T: Debug + PartialEq,
    F: Future<Output = T>,
{
    until_that(what, look, |seen| *seen == wanted).await;
}

/// Looks again and again until something is seen of which this holds, and answers it.
///
/// # Panics
/// As [`eventually`].
pub async fn until_that<T, F>(
    what: &str,
    mut look: impl FnMut() -> F,
    holds: impl Fn(&T) -> bool,
) -> T
where
    T: Debug,
    F: Future<Output = T>,
{
    eventually(what, || {
        let looking = look();
        let holds = &holds;
        async move {
            let seen = looking.await;
            if holds(&seen) { Ok(seen) } else { Err(seen) }
        }
    })
    .await
}

/// Waits for something that ends by itself.
///
/// # Panics
/// When that takes longer than a minute, with `what`.
pub async fn within<T>(what: &str, ending: impl Future<Output = T>) -> T {
    within_seeing(what, ending, || "nothing of it").await
}

/// Waits for something that ends by itself, and that can be looked at meanwhile.
///
/// # Panics
/// When that takes longer than a minute, with `what` and what there is to see then.
pub async fn within_seeing<T, S: Debug>(
    what: &str,
    ending: impl Future<Output = T>,
    see: impl FnOnce() -> S,
) -> T {
    wait_for(PATIENCE, what, ending, see).await
}

async fn wait_for<T, S: Debug>(
    patience: Duration,
    what: &str,
    ending: impl Future<Output = T>,
    see: impl FnOnce() -> S,
) -> T {
    let ended = timeout(patience, ending).await;
    ended.unwrap_or_else(|_| panic!("never: {what}; seen: {:?}", see()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);

    /// What somebody is told who waited in vain.
    async fn told(waiting: impl Future<Output: Send> + Send + 'static) -> String {
        let ended = tokio::spawn(async move {
            waiting.await;
        });
        *ended.await.unwrap_err().into_panic().downcast::<String>().unwrap()
    }

    #[tokio::test]
    async fn a_wait_ends_with_what_was_found() {
        let looks = AtomicU32::new(0);
        let look = || async { looks.fetch_add(1, Ordering::SeqCst) };
        assert_eq!(until_that("three", look, |seen| *seen == 3).await, 3);
        until_eq("five", 5, look).await;
        assert_eq!(within("nothing", async { "done" }).await, "done");
    }

    #[tokio::test]
    async fn a_wait_in_vain_says_what_it_waited_for_and_what_it_saw() {
        let other = look_for(SHORT, "nine", async || Err::<(), _>(Some(1)));
        assert_eq!(told(other).await, "never: nine; seen last: Some(1)");
        let stuck = look_for(SHORT, "an answer", std::future::pending::<bool>);
        assert_eq!(told(stuck).await, "never: an answer; not even a first look ended");
        let silent = wait_for(SHORT, "an end", std::future::pending::<()>(), || 3);
        assert_eq!(told(silent).await, "never: an end; seen: 3");
    }
}
