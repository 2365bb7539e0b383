package payment

// otherAccount says that a record was made with the keys of another account than the gateway's. To these keys its
// payments are unknown, or somebody else's: an absence, a refusal or a mismatch proves nothing, and nothing is moved.
func otherAccount(g Gateway, made string) bool { return made != "" && g.Keys != "" && made != g.Keys }

// accountFits compares the merchant account a payment or a key went to with the deployment's, when both are known.
func accountFits(own, paid string) bool { return own == "" || paid == "" || own == paid }
