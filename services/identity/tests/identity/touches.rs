//! When keys were last used.

use chrono::TimeDelta;

use crate::support::{System, at, get, who};

#[tokio::test]
async fn last_used_time_is_written_in_batches_the_last_when_the_process_stops() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, client) = ann.full_key().await.unwrap();
    let (other, _) = ann.full_key().await.unwrap();
    assert_eq!(get(&ann, &key.id).await.unwrap().last_used_time, None);
    who(&client).await.unwrap();
    system.clock.turn(TimeDelta::minutes(5));
    who(&client).await.unwrap();
    let clock = system.clock.clone();
    let used = Some(at(clock.now()));
    system.stop().await;
    assert_eq!(get(&ann, &key.id).await.unwrap().last_used_time, used);
    assert_eq!(get(&ann, &other.id).await.unwrap().last_used_time, None);

    // A process that is stopping still serves: there is no later batch.
    clock.turn(TimeDelta::minutes(5));
    who(&client).await.unwrap();
    assert_eq!(get(&ann, &key.id).await.unwrap().last_used_time, Some(at(clock.now())));
}
