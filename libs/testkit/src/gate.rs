//! A gate through which requests pass one by one, and which stops at one of them: whoever made it can be killed there.

use tokio::sync::watch;

/// Where a request is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before it has reached whom it is for.
    Before,
    /// When it has been done, and before its answer gets back.
    After,
}

/// A request that was stopped is never answered.
#[derive(Debug, thiserror::Error)]
#[error("stopped at the gate")]
pub struct Stopped;

/// The gate.
pub struct Gate(watch::Sender<State>);

#[derive(Default)]
struct State {
    /// Requests since it was last told where to stop.
    came: usize,
    stop: Option<(usize, Side)>,
    /// What stands at it.
    standing: Option<String>,
}

impl Gate {
    /// An open gate.
    #[must_use]
    pub fn open() -> Self {
        Self(watch::Sender::default())
    }

    /// From here on it stops at the request of this number, the first being 1, and at whatever comes after it.
    pub fn stop_at(&self, number: usize, side: Side) {
        let stop = Some((number, side));
        self.0.send_replace(State { stop, ..State::default() });
    }

    /// Opens it again. What stands at it is dropped.
    pub fn reopen(&self) {
        self.0.send_replace(State::default());
    }

    /// Waits until it has stopped at the request it was told to, and says which that is.
    ///
    /// # Panics
    /// Never: the gate is there.
    pub async fn stopped(&self) -> String {
        let mut state = self.0.subscribe();
        let state = state.wait_for(|state| state.standing.is_some()).await;
        state.expect("the gate is there").standing.clone().unwrap_or_default()
    }

    /// Does a request, unless it is stopped.
    ///
    /// # Errors
    /// When it was stopped, and the gate has been opened since.
    pub async fn pass<T>(
        &self,
        request: &str,
        done: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        match self.count() {
            Way::Through => return Ok(done.await),
            Way::Stop(side) => {
                if side == Side::After {
                    done.await;
                }
                self.0.send_modify(|state| state.standing = Some(request.to_owned()));
            }
            Way::Wait => {}
        }
        let mut state = self.0.subscribe();
        // The gate is there for as long as it is waited at.
        drop(state.wait_for(|state| state.stop.is_none()).await);
        Err(Stopped)
    }

    fn count(&self) -> Way {
        let mut way = Way::Through;
        self.0.send_modify(|state| {
            state.came += 1;
            way = match state.stop {
                Some((number, side)) if state.came == number => Way::Stop(side),
                Some((number, _)) if state.came > number => Way::Wait,
                _ => Way::Through,
            };
        });
        way
    }
}

enum Way {
    Through,
    /// This is the one.
    Stop(Side),
    /// After that one.
    Wait,
}
