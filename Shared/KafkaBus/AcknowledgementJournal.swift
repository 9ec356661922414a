#if DEBUG
    import CRDKafka
    import Glibc

    /// A line for each record that a broker has acknowledged, so that a chaos run can tell what the embedded broker forgot
    /// from what was never written. Debug builds only: a release keeps no such file.
    ///
    /// Several processes append to one file; a line is one `write`, which the kernel does not interleave.
    /// - Shape: `topic TAB partition TAB offset TAB key TAB milliseconds since 1970`
    enum AcknowledgementJournal {
        private static let descriptor: Int32? = getenv("WINNOW_ACKNOWLEDGEMENT_FILE").flatMap { path in
            let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            return opened < 0 ? nil : opened
        }

        static func note(_ message: UnsafePointer<rd_kafka_message_t>) {
            guard let descriptor, let topic = message.pointee.rkt, let name = rd_kafka_topic_name(topic) else { return }
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            let key = UnsafeRawBufferPointer(start: message.pointee.key, count: message.pointee.key_len)
            let milliseconds = Int(now.tv_sec) * 1000 + now.tv_nsec / 1_000_000
            let line =
                "\(String(cString: name))\t\(message.pointee.partition)\t\(message.pointee.offset)\t"
                + "\(String(decoding: key, as: UTF8.self))\t\(milliseconds)\n"
            _ = Array(line.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        }
    }
#endif
