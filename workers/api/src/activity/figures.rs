//! The five figures of a day.

use kit::{
    field::{self, FieldError},
    number,
};
use serde_json::{Map, Value};

/// Something that is counted of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    Steps,
    ActiveMinutes,
    Calories,
    Floors,
    Miles,
}

impl Figure {
    /// In the order in which clients list them.
    pub const ALL: [Self; 5] = [Self::Steps, Self::ActiveMinutes, Self::Calories, Self::Floors, Self::Miles];

    /// As clients and tables write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::ActiveMinutes => "active_minutes",
            Self::Calories => "calories_burned",
            Self::Floors => "floors_climbed",
            Self::Miles => "distance_miles",
        }
    }

    /// As clients write it of a device.
    fn name_of_device(self) -> &'static str {
        if self == Self::Calories { "calories" } else { self.name() }
    }

    /// Nobody does more in a day.
    pub fn most(self) -> f64 {
        match self {
            Self::Steps => 200_000.0,
            Self::ActiveMinutes => 1_440.0,
            Self::Calories => 20_000.0,
            Self::Floors => 2_000.0,
            Self::Miles => 200.0,
        }
    }

    fn read(self, body: &Value, name: &'static str) -> Result<Option<f64>, FieldError> {
        field::number_within(body, name, 0.0, self.most())
    }
}

/// All five, in the order of [`Figure::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures(pub [f64; 5]);

/// What was sent of them. Unknown is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sent(pub [Option<f64>; 5]);

impl Sent {
    /// Reads a body that people or newer clients write.
    pub fn read(body: &Value) -> Result<Self, FieldError> {
        Self::each(|figure| figure.read(body, figure.name()))
    }

    /// Reads a body as devices write it: `calories`, or as the others.
    pub fn read_of_device(body: &Value) -> Result<Self, FieldError> {
        Self::each(|figure| Ok(figure.read(body, figure.name_of_device())?.or(figure.read(body, figure.name())?)))
    }

    fn each(read: impl Fn(Figure) -> Result<Option<f64>, FieldError>) -> Result<Self, FieldError> {
        let mut sent = Self::default();
        for (place, figure) in sent.0.iter_mut().zip(Figure::ALL) {
            *place = read(figure)?;
        }
        Ok(sent)
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// These, and where there is nothing the other ones.
    pub fn or(self, other: Self) -> Self {
        let mut both = self;
        for (place, other) in both.0.iter_mut().zip(other.0) {
            *place = place.or(other);
        }
        both
    }

    /// Over figures that are there already.
    pub fn over(self, before: Figures) -> Figures {
        let mut figures = before;
        for (place, sent) in figures.0.iter_mut().zip(self.0) {
            *place = sent.unwrap_or(*place);
        }
        figures
    }

    /// What is missing counted as 0.
    pub fn filled(self) -> Self {
        Self(self.0.map(|sent| Some(sent.unwrap_or_default())))
    }
}

impl Figures {
    /// The highest of each over several devices' days.
    pub fn highest(days: impl IntoIterator<Item = Sent>) -> Self {
        days.into_iter().fold(Self::default(), |highest, day| highest.zip(day.over(Self::default()), f64::max))
    }

    /// Each where it is not 0, else the other's.
    pub fn or(self, other: Self) -> Self {
        self.zip(other, |one, other| if one == 0.0 { other } else { one })
    }

    pub fn plus(self, other: Self) -> Self {
        self.zip(other, |one, other| one + other)
    }

    /// By so many days, in whole numbers; distances to a tenth.
    pub fn average(self, days: f64) -> Self {
        let mut average = Self::default();
        for ((place, sum), figure) in average.0.iter_mut().zip(self.0).zip(Figure::ALL) {
            let step = if figure == Figure::Miles { 10.0 } else { 1.0 };
            *place = (sum / days * step).round() / step;
        }
        average
    }

    pub fn zip(self, other: Self, both: impl Fn(f64, f64) -> f64) -> Self {
        let mut figures = self;
        for (place, other) in figures.0.iter_mut().zip(other.0) {
            *place = both(*place, other);
        }
        figures
    }

    /// As clients write them, a sum's binary dust taken off.
    pub fn write(&self, into: &mut Map<String, Value>) {
        for (figure, value) in Figure::ALL.into_iter().zip(self.0) {
            into.insert(figure.name().into(), number::json((value * 1_000.0).round() / 1_000.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_sent_stays_unknown_and_what_cannot_be_is_refused() {
        let sent = Sent::read(&json!({"steps": "4200", "floors_climbed": 0, "distance_miles": null})).unwrap();
        assert_eq!(sent.0, [Some(4_200.0), None, None, Some(0.0), None]);
        assert_eq!(sent.over(Figures([1.0, 2.0, 3.0, 4.0, 5.0])).0, [4_200.0, 2.0, 3.0, 0.0, 5.0]);
        assert_eq!(Sent::read_of_device(&json!({"calories": 9})).unwrap().0[2], Some(9.0));
        let error = Sent::read(&json!({"active_minutes": 1_441})).unwrap_err().to_string();
        assert_eq!(error, "active_minutes cannot be 1441: it is at least 0 and at most 1440");
        assert!(Sent::read(&json!({"steps": -1})).is_err() && Sent::read(&json!({"steps": "many"})).is_err());
    }

    #[test]
    fn several_devices_come_to_the_highest_of_each() {
        let days = [Sent([Some(5.0), None, Some(1.0), None, None]), Sent([Some(4.0), Some(2.0), None, None, None])];
        assert_eq!(Figures::highest(days).0, [5.0, 2.0, 1.0, 0.0, 0.0]);
        assert_eq!(Figures::highest([]), Figures::default());
        assert_eq!(Figures([4_200.0, 30.0, 240.0, 6.0, 1.9]).average(7.0).0, [600.0, 4.0, 34.0, 1.0, 0.3]);
    }
}
