package web

// catalog holds every word a buyer reads, in one language. It is a struct and not a map of strings so
// that a misspelt key does not compile; the tests prove that no language leaves a field empty and
// that no field is unused.
type catalog struct {
	Name string // the language's name in itself, for the language switch

	LanguageLabel, OrderName, OrderID, Amount, SupportCode, RequestID string // labels

	Checkout    checkoutText
	Checking    message
	CheckingTip string // what to do when the checking page lasts for minutes
	Results     map[ResultState]message
	NotFound    message
	Problem     message
	Advice      [adviceCount]string

	ReturningToShop, BackToShop, PayNow, PayAgain, Reload string // links and what announces them
}

// message is a heading and the paragraph below it.
type message struct {
	Title, Body string
}

// checkoutText holds the words of the payment page. Some are spoken by the page's script, which
// receives them with its data.
type checkoutText struct {
	Title       string
	PayButton   string // contains one %s, the amount
	SafeNote    string // where card details go
	NoScript    string
	Loading     string // the provider's script is on its way
	LoadFailed  string // it did not come: network, ad blocker
	LoadAgain   string // the button that tries again
	Opening     string // the window is open or opening
	Closed      string // the buyer closed the window
	NotOpened   string // the window refused to open; trying again may help
	ShopProblem string // the window refused our parameters; only the shop can help
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
