//! What somebody does, as it is kept.

mod days;
mod devices;
mod workouts;

pub use self::{
    days::{ACTIVITY_RECORDED, KeptDay},
    devices::FitnessDevice,
    workouts::{Workout, WorkoutError, Workouts},
};
