import Settings

struct DevBrokerSettings {
    /// - Default: `infra/kafka/topics.json`, from the repository's root. Key: `WINNOW_TOPICS_FILE`.
    let topicsFile: String
    /// The file that receives the address, written atomically. - Default: none. Key: `DEV_BROKER_ADDRESS_FILE`.
    let addressFile: String?
    /// - Default: 1. Key: `DEV_BROKER_BROKERS`.
    let brokers: Int
    /// The first broker's port. A fixed port lets clients find a restarted broker. - Default: 0, any. Key:
    /// `DEV_BROKER_PORT`.
    let port: UInt16

    init() throws(SettingsError) {
        var reader = SettingsReader()
        topicsFile = reader.string("WINNOW_TOPICS_FILE", default: "infra/kafka/topics.json")
        addressFile = reader.optional("DEV_BROKER_ADDRESS_FILE")
        brokers = try reader.integer("DEV_BROKER_BROKERS", default: 1, in: 1...9)
        port = UInt16(try reader.integer("DEV_BROKER_PORT", default: 0, in: 0...65_000))
    }
}
