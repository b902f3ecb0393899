//! What charge points tell by words of the protocol. These words are the server's alone: pages get them ready made, in both
//! languages. What is no word of the protocol is shown as it came.

use super::Lang;
use bmw_domain::charger::{Happening, HappeningKind};

type Words = [(&'static str, &'static str, &'static str)];

/// Errors of connectors (OCPP 1.6, 7.6 `ChargePointErrorCode`).
const ERRORS: &Words = &[
    ("ConnectorLockFailure", "枪锁故障", "Connector lock failed"),
    ("EVCommunicationError", "与车辆通信故障", "Cannot communicate with the car"),
    ("GroundFailure", "接地故障", "Ground fault"),
    ("HighTemperature", "温度过高", "Too hot"),
    ("InternalError", "内部错误", "Internal error"),
    ("LocalListConflict", "本地名单冲突", "Local list is in conflict"),
    ("NoError", "无故障", "No error"),
    ("OtherError", "其他故障", "Another error"),
    ("OverCurrentFailure", "过流", "Overcurrent"),
    ("OverVoltage", "过压", "Overvoltage"),
    ("PowerMeterFailure", "电表故障", "Power meter failed"),
    ("PowerSwitchFailure", "功率开关故障", "Power switch failed"),
    ("ReaderFailure", "读卡器故障", "Card reader failed"),
    ("ResetFailure", "复位失败", "Reset failed"),
    ("UnderVoltage", "欠压", "Undervoltage"),
    ("WeakSignal", "信号弱", "Weak signal"),
];

/// Why sessions stop (OCPP 1.6, 7.36 `Reason`).
const REASONS: &Words = &[
    ("DeAuthorized", "授权被取消", "the card is no longer accepted"),
    ("EmergencyStop", "紧急停止", "emergency stop"),
    ("EVDisconnected", "车辆断开", "the car was unplugged"),
    ("HardReset", "硬复位", "hard reset"),
    ("Local", "在电桩处停止", "stopped at the charger"),
    ("Other", "其他原因", "another reason"),
    ("PowerLoss", "断电", "power was lost"),
    ("Reboot", "重启", "restart"),
    ("Remote", "远程停止", "stopped remotely"),
    ("SoftReset", "软复位", "soft reset"),
    ("UnlockCommand", "远程解锁", "unlocked remotely"),
];

/// How far firmware and diagnostics are (OCPP 1.6, 7.25 `FirmwareStatus`, 7.24 `DiagnosticsStatus`).
const PROGRESS: &Words = &[
    ("Downloaded", "已下载", "Downloaded"),
    ("DownloadFailed", "下载失败", "Download failed"),
    ("Downloading", "正在下载", "Downloading"),
    ("Idle", "空闲", "Idle"),
    ("InstallationFailed", "安装失败", "Installation failed"),
    ("Installing", "正在安装", "Installing"),
    ("Installed", "已安装", "Installed"),
    ("Uploaded", "已上传", "Uploaded"),
    ("UploadFailed", "上传失败", "Upload failed"),
    ("Uploading", "正在上传", "Uploading"),
];

/// What charge points reply to commands (OCPP 1.6, 7.16 to 7.46), and how they say that they could not make anything of one
/// (OCPP-J 1.6, 4.2.3).
const REPLIES: &Words = &[
    ("Accepted", "已接受", "Accepted"),
    ("Rejected", "已拒绝", "Rejected"),
    ("Scheduled", "稍后执行", "Scheduled"),
    ("RebootRequired", "复位后生效", "Takes effect after a reset"),
    ("NotSupported", "不支持", "Not supported"),
    ("NotImplemented", "未实现", "Not implemented"),
    ("Failed", "失败", "Failed"),
    ("Faulted", "故障", "Faulted"),
    ("Occupied", "已占用", "Occupied"),
    ("Unavailable", "不可用", "Unavailable"),
    ("Unknown", "未知", "Unknown"),
    ("Unlocked", "已解锁", "Unlocked"),
    ("UnlockFailed", "解锁失败", "Could not unlock"),
    ("UnknownMessageId", "未知的消息 ID", "Unknown message ID"),
    ("UnknownVendorId", "未知的厂商 ID", "Unknown vendor ID"),
    ("VersionMismatch", "版本不符", "Another version"),
    ("InternalError", "内部错误", "Internal error"),
    ("ProtocolError", "协议错误", "Protocol error"),
    ("SecurityError", "安全错误", "Security error"),
    ("FormationViolation", "格式错误", "Malformed"),
    ("PropertyConstraintViolation", "字段值不合规", "A field is out of bounds"),
    ("OccurenceConstraintViolation", "字段数量不合规", "A field is missing or there too often"),
    ("TypeConstraintViolation", "字段类型不合规", "A field is of the wrong type"),
    ("GenericError", "其他错误", "Another error"),
];

/// Between what a detail consists of.
const BETWEEN: &str = ", ";

impl Lang {
    fn word_of<'a>(self, words: &Words, told: &'a str) -> &'a str {
        self.of(words, told).unwrap_or(told)
    }

    /// What a charge point has replied, in words; `None` for what is none of the protocol's.
    pub(super) fn reply_word(self, told: &str) -> Option<&'static str> {
        self.of(REPLIES, told)
    }

    /// What else is known of something that happened.
    pub(crate) fn happening_detail(self, happening: &Happening) -> String {
        let detail = happening.detail.as_str();
        match happening.kind {
            // The error's code comes first; what follows is the charge point's own.
            HappeningKind::Status => {
                let (code, rest) = detail.split_once(BETWEEN).map_or((detail, None), |(code, rest)| (code, Some(rest)));
                let code = self.word_of(ERRORS, code);
                rest.map_or(code.to_owned(), |rest| [code, self.comma(), rest].concat())
            }
            HappeningKind::Firmware | HappeningKind::Diagnostics => {
                let progress = self.word_of(PROGRESS, happening.status.as_deref().unwrap_or_default());
                let said = [progress, detail].into_iter().filter(|said| !said.is_empty());
                said.collect::<Vec<_>>().join(self.comma())
            }
            HappeningKind::Connected | HappeningKind::Lost | HappeningKind::Boot | HappeningKind::Refused => {
                detail.to_owned()
            }
        }
    }

    /// The values of something that cannot be quite right: numbers, and words of the protocol.
    pub(crate) fn finding_values(self, detail: &str) -> String {
        let parts = detail.split(BETWEEN).filter(|part| *part != "-").map(|part| match part.split_once(' ') {
            Some(("transactionId", number)) => [self.pick("记录 ", "session "), number].concat(),
            Some(("meterStop", register)) => [self.pick("停止读数 ", "meter at the stop "), register].concat(),
            _ => self.word_of(REASONS, part).to_owned(),
        });
        parts.collect::<Vec<_>>().join(self.comma())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bmw_domain::calendar::Timestamp;
    use bmw_domain::record::ChargePointKey;

    fn happening(kind: HappeningKind, status: &str, detail: &str) -> Happening {
        Happening {
            charge_point: ChargePointKey(1),
            at: Timestamp(0),
            kind,
            connector: None,
            status: Some(status.to_owned()),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn words_of_the_protocol_are_told_in_both_languages_and_others_as_they_came() {
        for (kind, status, detail, zh, en) in [
            (HappeningKind::Status, "Faulted", "GroundFailure", "接地故障", "Ground fault"),
            (
                HappeningKind::Status,
                "Faulted",
                "OtherError, E17, Other",
                "其他故障，E17, Other",
                "Another error, E17, Other",
            ),
            (HappeningKind::Status, "Faulted", "Burnt", "Burnt", "Burnt"),
            (HappeningKind::Status, "Available", "", "", ""),
            (HappeningKind::Firmware, "Downloading", "", "正在下载", "Downloading"),
            (HappeningKind::Diagnostics, "UploadFailed", "", "上传失败", "Upload failed"),
            (HappeningKind::Boot, "", "Other, Local", "Other, Local", "Other, Local"),
        ] {
            let it = happening(kind, status, detail);
            assert_eq!((Lang::Zh.happening_detail(&it).as_str(), Lang::En.happening_detail(&it).as_str()), (zh, en));
        }
        for (detail, zh, en) in [
            (
                "transactionId 7, meterStop 1200 Wh, EVDisconnected",
                "记录 7，停止读数 1200 Wh，车辆断开",
                "session 7, meter at the stop 1200 Wh, the car was unplugged",
            ),
            ("meterStop 1200 Wh, -", "停止读数 1200 Wh", "meter at the stop 1200 Wh"),
            ("5 → 7 Wh", "5 → 7 Wh", "5 → 7 Wh"),
            ("", "", ""),
        ] {
            assert_eq!((Lang::Zh.finding_values(detail).as_str(), Lang::En.finding_values(detail).as_str()), (zh, en));
        }
    }
}
