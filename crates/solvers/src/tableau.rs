//! Runge–Kutta methods as data: `k_i = f(t + c_i h, y + h Σ a_ij k_j)`, `y' = y + h Σ b_i k_i`, and the error
//! estimate `h Σ e_i k_i` with `e = b − b̂`.

use crate::config::Method;

/// The coefficients of an explicit method.
#[derive(Debug)]
pub(crate) struct Tableau {
    /// Order of the propagated solution.
    pub(crate) order: i32,
    /// Stage times.
    pub(crate) c: &'static [f64],
    /// Row `i` holds the weights of the stages before stage `i`.
    pub(crate) a: &'static [&'static [f64]],
    /// Weights of the solution.
    pub(crate) b: &'static [f64],
    /// Weights of the error estimate; empty for methods without one. Methods that have one are FSAL: the last
    /// row of `a` is `b`, so the last stage is the next step's first.
    pub(crate) error: &'static [f64],
}

impl Method {
    /// The method's coefficients.
    pub(crate) fn tableau(self) -> &'static Tableau {
        match self {
            Self::Euler => &EULER,
            Self::Midpoint => &MIDPOINT,
            Self::Heun => &HEUN,
            Self::Rk4 => &RK4,
            Self::Bosh3 => &BOSH3,
            Self::Dopri5 => &DOPRI5,
            Self::Tsit5 => &TSIT5,
        }
    }
}

static EULER: Tableau = Tableau { order: 1, c: &[0.0], a: &[&[]], b: &[1.0], error: &[] };

static MIDPOINT: Tableau =
    Tableau { order: 2, c: &[0.0, 0.5], a: &[&[], &[0.5]], b: &[0.0, 1.0], error: &[] };

static HEUN: Tableau = Tableau { order: 2, c: &[0.0, 1.0], a: &[&[], &[1.0]], b: &[0.5, 0.5], error: &[] };

static RK4: Tableau = Tableau {
    order: 4,
    c: &[0.0, 0.5, 0.5, 1.0],
    a: &[&[], &[0.5], &[0.0, 0.5], &[0.0, 0.0, 1.0]],
    b: &[1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0],
    error: &[],
};

static BOSH3: Tableau = Tableau {
    order: 3,
    c: &[0.0, 0.5, 0.75, 1.0],
    a: &[&[], &[0.5], &[0.0, 0.75], &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0]],
    b: &[2.0 / 9.0, 1.0 / 3.0, 4.0 / 9.0, 0.0],
    error: &[-5.0 / 72.0, 1.0 / 12.0, 1.0 / 9.0, -1.0 / 8.0],
};

static DOPRI5: Tableau = Tableau {
    order: 5,
    c: &[0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0],
    a: &[
        &[],
        &[0.2],
        &[3.0 / 40.0, 9.0 / 40.0],
        &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
        &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
        &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
        &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
    ],
    b: &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0, 0.0],
    error: &[
        71.0 / 57600.0,
        0.0,
        -71.0 / 16695.0,
        71.0 / 1920.0,
        -17253.0 / 339_200.0,
        22.0 / 525.0,
        -1.0 / 40.0,
    ],
};

#[allow(clippy::unreadable_literal)]
static TSIT5: Tableau = Tableau {
    order: 5,
    c: &[0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0],
    a: &[
        &[],
        &[0.161],
        &[-0.008480655492356989, 0.335480655492357],
        &[2.8971530571054935, -6.359448489975075, 4.3622954328695815],
        &[5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525],
        &[5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383],
        &[
            0.09646076681806523,
            0.01,
            0.4798896504144996,
            1.379008574103742,
            -3.290069515436081,
            2.324710524099774,
        ],
    ],
    b: &[
        0.09646076681806523,
        0.01,
        0.4798896504144996,
        1.379008574103742,
        -3.290069515436081,
        2.324710524099774,
        0.0,
    ],
    error: &[
        -0.001780011052225777,
        -0.0008164344596567469,
        0.007880878010261995,
        -0.1447110071732629,
        0.5823571654525552,
        -0.45808210592918697,
        0.015151515151515152,
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_sum_to_their_times_and_the_last_row_of_a_pair_is_its_solution() {
        for tableau in [&EULER, &MIDPOINT, &HEUN, &RK4, &BOSH3, &DOPRI5, &TSIT5] {
            for (row, c) in tableau.a.iter().zip(tableau.c) {
                assert!((row.iter().sum::<f64>() - c).abs() < 1e-13, "{tableau:?}");
            }
            assert!((tableau.b.iter().sum::<f64>() - 1.0).abs() < 1e-13, "{tableau:?}");
            if !tableau.error.is_empty() {
                assert!(tableau.error.iter().sum::<f64>().abs() < 1e-13, "{tableau:?}");
                let stages = tableau.b.len();
                assert_eq!(tableau.a[stages - 1], &tableau.b[..stages - 1]);
            }
        }
    }
}
