//! Why charge points get what they get.

use super::Lang;
use super::format::{kwh_2, with_unit};
use crate::charts::number::measured;
use bmw_domain::calendar::{LocalTime, Timestamp};
use bmw_domain::distribution::{Bound, Current, FIRST_PRIORITY, Reason, Standing};
use bmw_domain::phase::Phase;

/// A current as it is shown.
pub fn amperes(current: Current) -> String {
    with_unit(measured(current.amperes(), 1), "A")
}

impl Lang {
    /// The one reason that binds a charge point. `local` is what the site's clock shows at an instant.
    pub fn reason(self, standing: &Standing, local: impl Fn(Timestamp) -> LocalTime) -> String {
        let time = |at| local(at).with_space().get(11..16).unwrap_or_default().to_owned();
        let taker = &standing.taker;
        match standing.reason() {
            Reason::Nobody => self.pick("没有车在充电", "no car charges").to_owned(),
            Reason::Maximum(bound) => {
                let what = match bound {
                    Bound::Model => self.pick("电桩最大电流", "the charger's maximum,"),
                    Bound::Cable => self.pick("电缆", "cable"),
                    Bound::Person => self.pick("人工设定的上限", "the limit set by a person,"),
                };
                [what, " ", &amperes(taker.max)].concat()
            }
            Reason::Taken => self.pick("车辆不需要更多", "the car takes no more").to_owned(),
            Reason::Full(phase) => self.phase_full(phase),
            Reason::Outranked(phase) if taker.priority < FIRST_PRIORITY => {
                let energy = taker.session.map(|session| session.energy).unwrap_or_default();
                let (priority, energy) = (taker.priority.to_string(), kwh_2(energy));
                match self {
                    Self::Zh => {
                        ["已充 ", &energy, " kWh，优先级降至 ", &priority, "；", &self.phase_full(phase)].concat()
                    }
                    Self::En => {
                        ["priority fell to ", &priority, " after ", &energy, " kWh; ", &self.phase_full(phase)].concat()
                    }
                }
            }
            Reason::Outranked(phase) => {
                let before = self.pick("；其他车优先", "; others come before");
                [&self.phase_full(phase), before].concat()
            }
            Reason::Turn(phase, at) => {
                let turn = self.pick("；轮到它的时间 ", "; its turn comes at ");
                [&self.phase_full(phase), turn, &time(at)].concat()
            }
            Reason::Rest(at) => {
                let (zh, en) = ("刚刚被暂停；最早恢复于 ", "was paused a moment ago; again from ");
                [self.pick(zh, en), &time(at)].concat()
            }
            Reason::Lost => [self.pick("无连接：最多 ", "no link: at most "), &amperes(standing.may)].concat(),
            Reason::Unverified => {
                let (zh, en) = ("限流未经证实：保留 ", "limit unverified: reserves ");
                [self.pick(zh, en), &amperes(standing.may)].concat()
            }
            Reason::Falling => {
                let (zh, en) = ("降流未确认：保留 ", "reduction not confirmed: reserves ");
                [self.pick(zh, en), &amperes(standing.may)].concat()
            }
            Reason::Rising => self.pick("逐步上调", "rises step by step").to_owned(),
        }
    }

    fn phase_full(self, phase: Phase) -> String {
        let mut letter = [0; 4];
        let letter = phase.letter().encode_utf8(&mut letter);
        match self {
            Self::Zh => [letter, " 相已满"].concat(),
            Self::En => ["phase ", letter, " is full"].concat(),
        }
    }
}

/// What the forms say: these words are the server's alone.
#[cfg(feature = "ssr")]
impl Lang {
    /// What a field of the distribution is called.
    pub(crate) fn distribution_field(self, name: &str) -> &'static str {
        match name {
            "headroom" => self.pick("每相安全余量，A", "Safety margin on each phase, A"),
            "safe" => self.pick("安全电流，A（0 为暂停）", "Safe current, A (0: pause)"),
            "turn" => self.pick("每轮时长，分钟", "Length of a turn, min"),
            "has_meter" => self.pick("站点电表", "Site meter"),
            "charger" => self.charger(),
            "sequence" => self.pick("L1、L2、L3 所接的相", "Phases of L1, L2, L3"),
            "cable" => self.pick("电缆，A", "Cable, A"),
            "most" => self.pick("上限，A", "Limit, A"),
            "reports_rotated" => self.pick("上报的已是站点相序", "It reports the site's phases already"),
            _ => self.pick("不由此处供电（不参与）", "Not on this supply (left alone)"),
        }
    }

    pub(crate) const fn distribution_settings(self) -> &'static str {
        self.pick("设置", "Settings")
    }

    pub(crate) const fn distribution_settings_help(self) -> &'static str {
        self.pick(
            "安全电流：与电桩断开连接两分钟后，每个会话最多可用的电流；它始终为每支枪保留。站点电表经 /api/distribution/meter/ \
             上报电桩以外的用电。",
            "The safe current is what each session may draw two minutes after the link to its charger is lost. It is kept free for \
             each connector all the time. The site meter tells what is drawn beside the chargers, at /api/distribution/meter/.",
        )
    }

    pub(crate) const fn wiring(self) -> &'static str {
        self.pick("电桩接线", "How a charger is connected")
    }

    pub(crate) const fn wiring_help(self) -> &'static str {
        self.pick("没有说明的，以设置和型号为准。", "What is not said here follows from the settings and the model.")
    }

    pub(crate) const fn as_settings(self) -> &'static str {
        self.pick("同站点设置", "As in the settings")
    }

    pub(crate) const fn distribution_until(self) -> &'static str {
        self.pick("截至", "Until")
    }

    pub(crate) const fn distribution_no_day(self) -> &'static str {
        self.pick("这段时间没有存储的计划。", "No plan of this time is kept.")
    }

    pub(crate) const fn other_chargers_short(self) -> &'static str {
        self.pick("其他电桩", "others")
    }

    pub(crate) const fn distribution_is_off(self) -> &'static str {
        self.pick("负载均衡已关闭：不对电桩限流。", "The current is not distributed: no charger is limited.")
    }

    pub(crate) const fn distribution_past(self) -> &'static str {
        self.pick("这是已存储的时刻", "This is a stored moment")
    }

    pub(crate) const fn distribution_to_now(self) -> &'static str {
        self.pick("回到现在", "Back to now")
    }

    pub(crate) const fn what_if_help(self) -> &'static str {
        self.pick(
            "按输入重新计算本页的分配；不会保存，也不会发送给电桩。",
            "Plans this page anew by what is typed; nothing is saved or sent to chargers.",
        )
    }

    pub(crate) const fn maxima(self) -> &'static str {
        self.pick("电桩的上限，A", "Maxima of chargers, A")
    }

    /// Above the distribution: the safe currents are too much for a phase.
    pub(crate) fn safe_too_much(self, phase: Phase) -> String {
        let letter = phase.letter().to_string();
        match self {
            Self::Zh => [&letter, " 相容纳不下所有电桩的安全电流：断开连接的电桩将暂停充电。"].concat(),
            Self::En => {
                ["Phase ", &letter, " cannot bear the safe currents of all chargers: one that loses its link pauses."]
                    .concat()
            }
        }
    }

    /// Below the queue: how many have no car.
    pub(crate) fn without_car(self, count: usize) -> String {
        match (self, count) {
            (Self::Zh, count) => format!("另有 {count} 个电桩没有车在充电。"),
            (Self::En, 1) => "1 other charger has no car.".to_owned(),
            (Self::En, count) => format!("{count} other chargers have no car."),
        }
    }
}
