//! What somebody does, as it is kept.

mod assessments;
mod days;
mod devices;
mod intervals;
mod workouts;

pub use self::{
    assessments::Assessment,
    days::{ACTIVITY_RECORDED, KeptDay},
    devices::FitnessDevice,
    workouts::{Workout, Workouts},
};
