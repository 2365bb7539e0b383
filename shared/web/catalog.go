package web

// catalog holds every word a buyer reads, in one language. It is a struct and not a map of strings so
// that a misspelt key does not compile; the tests prove that no language leaves a field empty and
// that no field is unused.
type catalog struct {
	Name string // the language's name in itself, for the language switch

	LanguageLabel, OrderName, OrderID, Amount, SupportCode, RequestID    string // labels
	PlanName, PlanAmount, SubscriptionID, FirstCharge, NextCharge, Means string // labels of subscriptions

	PayMethods     map[PayMethod]string
	Installments   string                // contains {months}
	PaidByPoints   string                // label of the part of the amount that the wallet's points paid
	Receipt        string                // link to the provider's receipt
	AtRegistration string                // the value of FirstCharge and NextCharge without a date
	Periods        map[string]periodText // by Plan.IntervalUnit

	Checkout       checkoutText
	Issuance       issuanceText
	Consent        consentText
	Checking       message
	CheckingTip    string // what to do when the checking page lasts for minutes
	Reversing      message
	Registering    message
	RegisteringTip string
	Results        map[ResultState]message
	Gate           map[GateReason]string
	NotFound       message
	Problem        message
	Advice         [adviceCount]string

	ReturningToShop, BackToShop, PayNow, PayAgain, RegisterAgain, Reload string // links and what announces them
}

// periodText says how much is charged how often: One every unit, Many every {every} units. Both
// contain {amount}.
type periodText struct {
	One, Many string
}

// message is a heading and the paragraph below it.
type message struct {
	Title, Body string
}

// checkoutText holds the words of the payment page, most of them neutral enough for the page that
// registers a payment method as well. Some are spoken by the page's script, which
// receives them with its data.
type checkoutText struct {
	Title       string
	PayButton   string // contains {amount}
	SafeNote    string // where card details go
	NoScript    string
	Loading     string // the provider's script is on its way
	LoadFailed  string // it did not come: network, ad blocker
	LoadAgain   string // the button that tries again
	Opening     string // the window is open or opening
	Closed      string // the buyer closed the window
	NotOpened   string // the window refused to open; trying again may help
	ShopProblem string // the window refused our parameters; only the shop can help
	CheckHint   string // for windows that may end without a word: what CheckButton is for
	CheckButton string // asks for the result; must not read like a second way to pay
}

// issuanceText holds the words of the page that registers a payment method.
type issuanceText struct {
	Title        string
	Body         string // what registering means: automatic payments
	ChargeLater  string // nothing is charged now; contains {date}, the first charge
	ChargeAtOnce string // the first charge follows the registration
	ChargeNext   string // nothing is charged now; contains {date}, of a charge that is not the first
	ChargeAgain  string // a charge that was refused is tried again after the registration
	ChargeNone   string // nothing is charged now
	Button       string
	CheckHint    string
	CheckButton  string
}

// consentText holds the words of the page that asks for consent. payment.ConsentText is their version.
type consentText struct {
	States      map[ConsentState]message
	AsksTrial   message // of ConsentAsks, when it was free before
	Before      string  // labels
	After       string
	Date        string
	Nothing     string // the price of what is free
	Ends        string // without consent
	Stays       string // without consent
	HowToCancel string
	Agree       string
	Refuse      string
}

// catalog returns the language's words. An unknown language gets the default one.
func (l Language) catalog() *catalog {
	switch l {
	case English:
		return &english
	case Japanese:
		return &japanese
	case Chinese:
		return &chinese
	default:
		return &korean
	}
}
