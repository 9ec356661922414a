import Contracts
import MessageBus
import Telemetry

extension DeliveryLoop {
    /// Writes records that failed where they belong: to the retries, or to the dead letters.
    /// - Returns: how many were written; `nil` when a stop came first.
    func putAside(
        _ records: [Record], _ error: any Error, wasAlone: Bool, _ patience: inout Patience
    ) async throws -> Int? {
        let group = ConsumerGroup.name(of: service)
        let put = records.map {
            policy.record(for: $0, error, wasAlone: wasAlone, consumerGroup: group, now: now())
        }
        do {
            guard try await send(put, &patience) != nil else { return nil }
            for (record, put) in zip(records, put) where put.topic == Topic.retries { reportPutOff(record, error) }
            return put.count
        } catch let fault where Fault(fault).isOfRecords {
            // Near the limit there is no room for more headers.
            guard records.count > 1 else {
                let letters = records.map {
                    DeadLetter.reference(
                        to: $0, consumerGroup: group, error: fault, attempt: Retry.attempt(of: $0))
                }
                return try await send(letters, &patience)
            }
            var sum = 0
            for record in records {
                guard let count = try await putAside([record], error, wasAlone: wasAlone, &patience) else { return nil }
                sum += count
            }
            return sum
        }
    }

    private func reportPutOff(_ record: Record, _ error: any Error) {
        metrics.putOff.increment()
        logger.warning(
            "Record put off",
            metadata: [
                LogKeys.errorType: Fault.type(of: error), LogKeys.destination: record.topic,
                LogKeys.partition: "\(record.partition)", LogKeys.offset: "\(record.offset)",
            ])
    }

    func report(_ letter: DeadLetter.Summary) {
        metrics.deadLettered(letter)
        logger.error(
            "Record dead-lettered",
            metadata: [
                LogKeys.errorType: letter.reason, LogKeys.errorMessage: letter.message,
                LogKeys.destination: letter.topic, LogKeys.partition: letter.partition, LogKeys.offset: letter.offset,
            ])
    }
}
