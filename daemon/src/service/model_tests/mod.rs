//! Random sequences of verbs against a simple model: after each step the answers of the service,
//! the published index, the sudoers file and the model agree, and so do the refusals.
//!
//! A run is the same every time. `PROPTEST_CASES` makes it longer, `PROPTEST_RNG_SEED` another one;
//! what fails is shown as the shortest sequence that fails.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod create;
mod found;
mod model;
mod steps;
mod view;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use self::model::Model;
use self::steps::{Step, step};
use super::testing::Fixture;

/// Steps of one sequence.
const STEPS: usize = 40;

fn config() -> Config {
    let given = Config::default();
    let cases = std::env::var("PROPTEST_CASES").map_or(16, |_| given.cases);
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(20_260_131),
        seed => seed,
    };
    Config { cases, rng_seed, failure_persistence: None, max_shrink_iters: 300, ..given }
}

/// Takes the steps one by one, and compares after each.
fn agree(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut fixture = Fixture::in_memory();
    let mut model = Model::new(fixture.service.now());
    let start = steps::start();
    for (n, step) in start.iter().chain(steps).enumerate() {
        let expected = model.take(step);
        let (after, found) = steps::perform(fixture, step, &model);
        fixture = after;
        prop_assert_eq!(&found, &expected, "step {} {:?}", n, step);
        let (seen, meant) = (view::seen(&fixture), view::meant(&model));
        prop_assert_eq!(seen, meant, "after step {} {:?}", n, step);
    }
    Ok(())
}

#[test]
fn store_index_sudoers_and_model_agree() {
    let config = config();
    eprintln!("seed {}, {} sequences of up to {STEPS} steps", config.rng_seed, config.cases);
    let strategy = proptest::collection::vec(step(), STEPS / 2..=STEPS);
    let mut runner = TestRunner::new(config);
    match runner.run(&strategy, |steps| agree(&steps)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, steps)) => {
            let steps: Vec<String> = steps.iter().map(|step| format!("{step:?}")).collect();
            panic!("{}\n{reason}", steps.join("\n"));
        }
        Err(error) => panic!("{error}"),
    }
}
