//! The named Runge–Kutta methods.

use serde::{Deserialize, Serialize};

use crate::tableau::Tableau;

/// A named Runge–Kutta method.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Euler's method, order 1.
    Euler,
    /// The explicit midpoint rule, order 2.
    Midpoint,
    /// Heun's trapezoidal rule, order 2.
    Heun,
    /// The classical method, order 4.
    Rk4,
    /// Bogacki–Shampine 3(2), adaptive.
    Bosh3,
    /// Dormand–Prince 5(4), adaptive, with a dense output of order 4.
    Dopri5,
    /// Tsitouras 5(4), adaptive, with a dense output of order 4.
    Tsit5,
}

impl Method {
    /// All methods, by order.
    pub const ALL: [Self; 7] =
        [Self::Euler, Self::Midpoint, Self::Heun, Self::Bosh3, Self::Rk4, Self::Dopri5, Self::Tsit5];

    /// The method's coefficients.
    pub fn tableau(self) -> Tableau {
        match self {
            Self::Euler => Tableau::unchecked(1, &[0.0], &[&[]], &[1.0]),
            Self::Midpoint => Tableau::unchecked(2, &[0.0, 0.5], &[&[], &[0.5]], &[0.0, 1.0]),
            Self::Heun => Tableau::unchecked(2, &[0.0, 1.0], &[&[], &[1.0]], &[0.5, 0.5]),
            Self::Rk4 => Tableau::unchecked(
                4,
                &[0.0, 0.5, 0.5, 1.0],
                &[&[], &[0.5], &[0.0, 0.5], &[0.0, 0.0, 1.0]],
                &[1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0],
            ),
            Self::Bosh3 => bosh3(),
            Self::Dopri5 => dopri5(),
            Self::Tsit5 => tsit5(),
        }
    }
}

fn bosh3() -> Tableau {
    Tableau::unchecked(
        3,
        &[0.0, 0.5, 0.75, 1.0],
        &[&[], &[0.5], &[0.0, 0.75], &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0]],
        &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0, 0.0],
    )
    .estimating(&[-5.0 / 72.0, 1.0 / 12.0, 1.0 / 9.0, -1.0 / 8.0])
}

/// Dormand and Prince's method; its dense output is Shampine's, as in Hairer, Nørsett and Wanner, II.6.
fn dopri5() -> Tableau {
    Tableau::unchecked(
        5,
        &[0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0],
        &[
            &[],
            &[0.2],
            &[3.0 / 40.0, 9.0 / 40.0],
            &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
            &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
            &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
            &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
        ],
        &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0, 0.0],
    )
    .estimating(&[
        71.0 / 57600.0,
        0.0,
        -71.0 / 16695.0,
        71.0 / 1920.0,
        -17253.0 / 339_200.0,
        22.0 / 525.0,
        -1.0 / 40.0,
    ])
    .interpolating(DOPRI5_DENSE)
}

#[allow(clippy::unreadable_literal, reason = "as published")]
const DOPRI5_DENSE: &[&[f64]] = &[
    &[1.0, -8048581381.0 / 2820520608.0, 8663915743.0 / 2820520608.0, -12715105075.0 / 11282082432.0],
    &[0.0, 0.0, 0.0, 0.0],
    &[0.0, 131558114200.0 / 32700410799.0, -68118460800.0 / 10900136933.0, 87487479700.0 / 32700410799.0],
    &[0.0, -1754552775.0 / 470086768.0, 14199869525.0 / 1410260304.0, -10690763975.0 / 1880347072.0],
    &[0.0, 127303824393.0 / 49829197408.0, -318862633887.0 / 49829197408.0, 701980252875.0 / 199316789632.0],
    &[0.0, -282668133.0 / 205662961.0, 2019193451.0 / 616988883.0, -1453857185.0 / 822651844.0],
    &[0.0, 40617522.0 / 29380423.0, -110615467.0 / 29380423.0, 69997945.0 / 29380423.0],
];

/// Tsitouras' method of 2011 with its free interpolant.
#[allow(clippy::unreadable_literal, reason = "as published")]
fn tsit5() -> Tableau {
    Tableau::unchecked(
        5,
        &[0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0],
        &[
            &[],
            &[0.161],
            &[-0.008480655492356989, 0.335480655492357],
            &[2.8971530571054935, -6.359448489975075, 4.3622954328695815],
            &[5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525],
            &[
                5.86145544294642,
                -12.92096931784711,
                8.159367898576159,
                -0.071584973281401,
                -0.028269050394068383,
            ],
            &TSIT5_WEIGHTS[..6],
        ],
        &TSIT5_WEIGHTS,
    )
    .estimating(&[
        -0.001780011052225777,
        -0.0008164344596567469,
        0.007880878010261995,
        -0.1447110071732629,
        0.5823571654525552,
        -0.45808210592918697,
        0.015151515151515152,
    ])
    .interpolating(&[
        &[1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216],
        &[0.0, 0.1317, -0.2234, 0.1017],
        &[0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253],
        &[0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902],
        &[0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928],
        &[0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661],
        &[0.0, 1.5, -4.0, 2.5],
    ])
}

#[allow(clippy::unreadable_literal, reason = "as published")]
const TSIT5_WEIGHTS: [f64; 7] = [
    0.09646076681806523,
    0.01,
    0.4798896504144996,
    1.379008574103742,
    -3.290069515436081,
    2.324710524099774,
    0.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_methods_pass_the_check_of_any_tableau() {
        for method in Method::ALL {
            let known = method.tableau();
            let rows: Vec<&[f64]> = (0..known.stages()).map(|i| known.row(i)).collect();
            let mut checked = Tableau::new(known.order(), known.times(), &rows, known.weights()).unwrap();
            if let Some(weights) = known.error_weights() {
                checked = checked.with_error_estimate(weights).unwrap();
                assert!(checked.is_fsal(), "{method:?}");
            }
            if let Some(coefficients) = known.dense_output() {
                let rows: Vec<&[f64]> = coefficients.iter().map(Vec::as_slice).collect();
                checked = checked.with_dense_output(&rows).unwrap();
            }
            assert_eq!(checked, known, "{method:?}");
        }
    }
}
