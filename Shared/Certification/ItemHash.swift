/// A number of a text that is the same at every run and on every machine.
/// - Source: FNV-1a, 64 bits; SplitMix64's finalizer, for FNV's low bits are not even over short texts
public enum ItemHash {
    public static func of(_ text: String) -> UInt64 {
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return SeededGenerator.mixed(hash)
    }
}
